"""`forebay up` as a user runs it: a process of its own, real servers, real roles."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import ClientSession
from redis.asyncio import Redis

from app.local.ports import free_port
from app.local.process import ChildProcess
from app.local.state import State, read_state
from app.local.up import Down, down, keep, local_environment
from tests.local.pids import gone

ROOT = Path(__file__).parents[2]
FOREBAY = [sys.executable, "-m", "app.cli"]
DEADLINE_SECONDS = 90.0


class Up:
    """`forebay up` in a folder."""

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "data"
        ports = {f"{role}__PORT": str(free_port()) for role in ("GATEWAY", "WORKER", "SCHEDULER")}
        self.process = ChildProcess(
            "up",
            [*FOREBAY, "up", "--data-dir", self.data_dir],
            log_file=folder / "up.log",
            cwd=ROOT,
            environment=ports,
            ready=self._is_up,
            start_seconds=150,
            stop_seconds=60,
        )

    async def _is_up(self) -> bool:
        return read_state(self.data_dir) is not None

    @property
    def state(self) -> State:
        state = read_state(self.data_dir)
        assert state is not None
        return state

    def log(self) -> str:
        return self.process.log_file.read_text()


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Up]:
    it = Up(tmp_path)
    await it.process.start()
    yield it
    await it.process.stop()


async def test_it_stays_up_is_found_and_goes_down(running: Up) -> None:
    state = running.state
    assert set(state.pids) == {"kafka", "s3", "redis", "gateway", "worker", "scheduler"}
    async with ClientSession() as http, http.get(f"{state.urls['gateway']}/readyz") as answer:
        assert answer.status == 200
    environment = local_environment(running.data_dir)
    assert environment is not None
    assert environment["KAFKA__BROKERS"] == state.urls["kafka"]
    assert (running.data_dir / "up.json").stat().st_mode & 0o077 == 0
    assert f"send events to  {state.urls['gateway']}/v1/events" in running.log()

    second = await run_forebay("up", "--data-dir", str(running.data_dir))
    assert second[0] == 2
    assert "already runs" in second[1]

    os.kill(state.pids["gateway"], signal.SIGKILL)
    await until(lambda: running.state.pids["gateway"] != state.pids["gateway"])
    assert "gateway | ended with exit code -9; starts again in 1 s" in running.log()
    state = running.state

    assert await asyncio.to_thread(down, running.data_dir) == Down(ran=True)
    assert await running.process.wait() == 0
    await gone(state.pids.values())
    assert local_environment(running.data_dir) is None
    assert down(running.data_dir) == Down(ran=False)
    lines = running.log().splitlines()
    assert any("worker" in line and "stopped" in line for line in lines)
    assert lines[-1] == f"  forebay | stopped; the data stays in {running.data_dir}"


async def test_who_stops_it_is_told_of_a_role_that_did_not_stop_cleanly(running: Up) -> None:
    worker = running.state.pids["worker"]
    os.kill(worker, signal.SIGSTOP)  # it will not hear of the stop, and is killed in the end
    code, said = await run_forebay("down", "--data-dir", str(running.data_dir))
    assert code == 1, said
    assert "worker did not stop cleanly (exit code -9)" in " ".join(said.split())
    assert "scheduler" not in said
    assert "did not stop cleanly: exit code -9" in running.log()


async def test_killed_hard_it_leaves_nobody_behind_and_the_data_for_the_next_time(
    running: Up,
) -> None:
    state = running.state
    async with Redis.from_url(state.urls["redis"]) as client:
        await client.set("before", "the kill")
        await client.execute_command("WAITAOF", 1, 0, 2000)
    assert running.process.pid is not None
    os.kill(running.process.pid, signal.SIGKILL)
    await gone(state.pids.values())
    await until(lambda: local_environment(running.data_dir) is None)

    await running.process.start()
    async with Redis.from_url(running.state.urls["redis"]) as client:
        assert await client.get("before") == b"the kill"


async def test_one_that_dies_is_started_again_with_longer_and_longer_pauses(
    tmp_path: Path,
) -> None:
    child = ChildProcess("moth", ["false"], log_file=tmp_path / "log", ready=never)
    said: list[str] = []
    started: list[bool] = []
    keeping = asyncio.create_task(
        keep(child, said.append, lambda: started.append(True), first_pause_seconds=0.01)
    )
    await until(lambda: len(said) >= 6)
    keeping.cancel()
    pauses = [line.rpartition(" in ")[2] for line in said if "starts again" in line]
    assert pauses[:3] == ["0.01 s", "0.02 s", "0.04 s"]
    assert not started


async def never() -> bool:
    return False


async def run_forebay(*arguments: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *FOREBAY,
        *arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
