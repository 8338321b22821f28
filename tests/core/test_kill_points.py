"""A role dies where `CRASH_AT` says, and only where tests are made."""

import os
import signal
import subprocess
import sys

import pytest

from app.core import kill_points
from app.core.errors import Fatal
from app.settings import read_settings

DYING = """
from app.core import kill_points
kill_points.arm(kill_points.killing_at({crash_at!r}))
for number in range(5):
    print(number, flush=True)
    kill_points.passing("after_upload")
    kill_points.passing("before_ledger")
"""


@pytest.mark.parametrize(
    ("crash_at", "said"), [("after_upload", "0\n"), ("before_ledger:3", "0\n1\n2\n")]
)
def test_a_process_is_killed_the_nth_time_it_passes_its_point(crash_at: str, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DYING.format(crash_at=crash_at)], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (-9, said)


def test_a_process_that_stops_at_its_point_goes_on_from_there() -> None:
    frozen = subprocess.Popen(
        [sys.executable, "-c", DYING.format(crash_at="before_ledger:2:stop")],
        stdout=subprocess.PIPE,
        text=True,
    )
    _, status = os.waitpid(frozen.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    frozen.send_signal(signal.SIGCONT)
    assert frozen.communicate() == ("0\n1\n2\n3\n4\n", None)
    assert frozen.returncode == 0


@pytest.mark.parametrize(
    ("crash_at", "why"),
    [
        ("at_lunch", "no such point"),
        ("after_upload:soon", "a number"),
        ("after_upload:0", "above"),
        ("after_upload:1:slowly", "only be «:stop»"),
    ],
)
def test_a_wrong_kill_point_is_refused_with_what_is_right(crash_at: str, why: str) -> None:
    with pytest.raises(Fatal, match=why):
        kill_points.killing_at(crash_at)


def test_nothing_happens_at_a_point_that_nobody_armed() -> None:
    kill_points.passing("after_upload")


@pytest.mark.parametrize("environment", ["", "production", "development"])
def test_settings_refuse_a_kill_point_outside_of_tests(
    environment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRASH_AT", "after_upload")
    if environment:
        monkeypatch.setenv("ENVIRONMENT", environment)
    with pytest.raises(Fatal, match="CRASH_AT is for tests: refused unless ENVIRONMENT=test"):
        read_settings()


def test_settings_of_a_test_take_a_kill_point(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRASH_AT", "after_upload")
    monkeypatch.setenv("ENVIRONMENT", "test")
    assert read_settings().crash_at == "after_upload"


def test_a_production_role_with_a_kill_point_does_not_start() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "run"],
        env={**os.environ, "ROLE": "worker", "CRASH_AT": "after_upload"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "CRASH_AT" in done.stderr
