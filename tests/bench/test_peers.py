"""Peers are installed or absent, and really do what they are measured for."""

import os
import re
import sys
from pathlib import Path

import pytest

from app.local.ports import free_port
from app.local.process import ChildProcess, answers
from tests.bench.load import Job, sent
from tests.bench.peers.catalogue import PEERS, Peer, enrolled

PYTHON = sys.executable
NPM, PYPI = "https://registry.npmjs.org", "https://pypi.org/simple"
FILES = "https://files.pythonhosted.org"


def peer(folder: Path, *install: str) -> Peer:
    (folder / "lock").write_text("1")
    return Peer("some", "a peer", folder=folder, install=(install,), locks=("lock",))


def test_a_peer_is_installed_once_and_again_when_its_lock_changes(tmp_path: Path) -> None:
    counting = peer(tmp_path, PYTHON, "-c", "open('count', 'a').write('x')")
    for _ in range(2):
        assert enrolled([counting], print).present == (counting,)
    assert (tmp_path / "count").read_text() == "x"
    later = (tmp_path / ".ready").stat().st_mtime + 10
    (tmp_path / "lock").touch()
    os.utime(tmp_path / "lock", (later, later))
    assert not counting.installed


def test_a_peer_whose_program_is_missing_is_absent_and_says_so(tmp_path: Path) -> None:
    ((_, why),) = enrolled([peer(tmp_path, "no-such-program")], print).absent
    assert why == "there is no program no-such-program on this machine"


def test_a_peer_whose_installation_fails_is_absent_with_its_last_words(tmp_path: Path) -> None:
    failing = peer(tmp_path, PYTHON, "-c", "import sys; print('no network'); sys.exit(3)")
    ((_, why),) = enrolled([failing], print).absent
    assert why.endswith("failed: no network")
    assert not failing.installed


def test_no_lock_of_a_peer_names_another_registry_than_the_public_one() -> None:
    node = (PEERS["node"].folder / "package-lock.json").read_text()
    assert set(re.findall(r'"resolved": "(https?://[^/]*)/', node)) <= {NPM}
    quix = (PEERS["quix"].folder / "uv.lock").read_text()
    assert set(re.findall(r'source = \{ registry = "([^"]*)"', quix)) == {PYPI}
    assert set(re.findall(r'url = "(https?://[^/]*)/', quix)) == {FILES}


def test_whatever_a_peer_is_made_of_is_there_to_be_looked_at_for_changes() -> None:
    for one in PEERS.values():
        assert all(list(one.folder.glob(pattern)) for pattern in one.locks), one.name
        assert bool(one.locks) == bool(one.install)


@pytest.mark.parametrize("batch", [1, 100])
async def test_the_floor_accepts_all_that_the_senders_send(batch: int, tmp_path: Path) -> None:
    port = free_port()
    floor = ChildProcess(
        "floor",
        PEERS["floor"].gateway,
        log_file=tmp_path / "floor.log",
        ready=lambda: answers(port),
        environment={"PORT": str(port)},
    )
    await floor.start()
    try:
        job = Job(f"http://127.0.0.1:{port}", ("a_000", "a_001"), requests=40, batch=batch)
        answered = await sent(job)
        assert answered.statuses == {"202": 40}
        assert 0 < answered.p50 <= answered.p99 <= answered.seconds
    finally:
        await floor.stop()
