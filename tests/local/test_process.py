import os
import signal
import sys
from pathlib import Path

import pytest

from app.core.errors import Fatal
from app.local.process import ChildProcess
from tests.local.pids import gone

SLEEP = "import time; time.sleep(60)"
DEAF = """
import pathlib, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path("deaf").touch()
time.sleep(60)
"""
WITH_CHILD = """
import pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
pathlib.Path("tmp").write_text(str(child.pid)); pathlib.Path("tmp").rename("child")
time.sleep(60)
"""
PARENT = """
import asyncio, pathlib, sys, time
from app.local.process import ChildProcess
async def main():
    child = ChildProcess("child", [sys.executable, "-c", "import time; time.sleep(60)"],
                         log_file=pathlib.Path("child.log"))
    await child.start()
    pathlib.Path("tmp").write_text(str(child.pid)); pathlib.Path("tmp").rename("pid")
    await child.wait()
asyncio.run(main())
"""


def python(code: str, folder: Path, when: str | None = None, **options: object) -> ChildProcess:
    """A child that is ready when it has made the file `when`."""

    async def ready() -> bool:
        return when is None or (folder / when).exists()

    return ChildProcess(
        "snake",
        [sys.executable, "-c", code],
        log_file=folder / "snake.log",
        cwd=folder,
        ready=ready,
        **options,  # type: ignore[arg-type]
    )


async def test_it_is_started_once_and_stops_at_sigterm(tmp_path: Path) -> None:
    child = python(SLEEP, tmp_path)
    await child.start()
    pid = child.pid
    await child.start()
    assert child.running
    assert child.pid == pid
    await child.stop()
    assert child.exit_code == -signal.SIGTERM
    assert child.pid is None


async def test_it_can_be_started_again_after_a_kill(tmp_path: Path) -> None:
    child = python(SLEEP, tmp_path)
    await child.start()
    first = child.pid
    child.kill()
    assert child.exit_code == -signal.SIGKILL
    await child.start()
    assert child.running
    assert child.pid != first
    await child.stop()


async def test_one_that_ignores_sigterm_is_killed_after_its_time(tmp_path: Path) -> None:
    child = python(DEAF, tmp_path, when="deaf", stop_seconds=0.2)
    await child.start()
    await child.stop()
    assert child.exit_code == -signal.SIGKILL


async def test_one_that_can_not_start_says_why(tmp_path: Path) -> None:
    child = python("print('port taken'); raise SystemExit(3)", tmp_path, when="never")
    with pytest.raises(Fatal, match=r"(?s)snake ended at its start with exit code 3.*port taken"):
        await child.start()


async def test_only_the_last_run_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "snake.log").write_text("an old story\n")
    child = python("raise SystemExit(1)", tmp_path, when="never")
    with pytest.raises(Fatal) as error:
        await child.start()
    assert "an old story" not in str(error.value)


async def test_one_that_never_answers_is_killed_and_reported(tmp_path: Path) -> None:
    child = python(SLEEP, tmp_path, when="never", start_seconds=0.3)
    with pytest.raises(Fatal, match="was not ready within"):
        await child.start()
    assert child.exit_code == -signal.SIGKILL


async def test_a_missing_program_is_named(tmp_path: Path) -> None:
    child = ChildProcess("ghost", [tmp_path / "ghost"], log_file=tmp_path / "ghost.log")
    with pytest.raises(Fatal, match="ghost: there is no program"):
        await child.start()


async def test_its_own_children_go_with_it(tmp_path: Path) -> None:
    child = python(WITH_CHILD, tmp_path, when="child")
    await child.start()
    grandchild = int((tmp_path / "child").read_text())
    await child.stop()
    await gone([grandchild])


async def test_a_killed_parent_takes_it_along(tmp_path: Path) -> None:
    root = str(Path(__file__).parents[2])
    parent = python(PARENT, tmp_path, when="pid", environment={"PYTHONPATH": root})
    await parent.start()
    child = int((tmp_path / "pid").read_text())
    assert parent.pid is not None
    os.kill(parent.pid, signal.SIGKILL)  # the parent alone, as the out-of-memory killer does
    await gone([child])
