"""A child process that is ready when it answers, and never outlives its parent."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from app.core.errors import Fatal

DIE_WITH_PARENT = Path(__file__).with_name("die_with_parent.py")
POLL_SECONDS = 0.05
PROBE_SECONDS = 10.0
LINES_IN_AN_ERROR = 20
LARGE_LOG_BYTES = 16 << 20


async def always_ready() -> bool:
    """The probe of a process that need not answer anything."""
    return True


async def answers(port: int) -> bool:
    """Does anybody listen on this port of 127.0.0.1?"""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True


def _becoming() -> list[str]:
    """What to put before a command, for a process that dies with us."""
    return [sys.executable, "-I", "-S", str(DIE_WITH_PARENT), str(os.getpid())]


def _make_room(log_file: Path) -> int:
    """The size of this file, after a large one was set aside as `….log.1`."""
    log_file.parent.mkdir(parents=True, exist_ok=True)
    log_file.touch()
    size = log_file.stat().st_size
    if size < LARGE_LOG_BYTES:
        return size
    log_file.rename(log_file.with_name(f"{log_file.name}.1"))
    return 0


class ChildProcess:
    """One program that we start, wait for, stop or kill, and may start again.

    It runs in its own process group, so that Ctrl-C on a terminal reaches only us, and is killed
    by the kernel when the thread that started it ends (Linux). Its output is appended to
    `log_file`; a large file is set aside first. Not bound to an event loop: start it in one and
    stop it in another.

    Args:
        name: short, for messages.
        command: program and arguments; a program without a slash is looked up in PATH.
        ready: true once the program really answers. `OSError` and `TimeoutError` mean: not yet.
        environment: added to our own environment variables.
        cwd: the folder to run in; ours by default.
        start_seconds: how long it may take to become ready.
        stop_seconds: from SIGTERM to SIGKILL.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | os.PathLike[str]],
        *,
        log_file: Path,
        ready: Callable[[], Awaitable[bool]] = always_ready,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        start_seconds: float = 90.0,
        stop_seconds: float = 10.0,
    ) -> None:
        self.name = name
        self.command = [os.fspath(part) for part in command]
        self.log_file = log_file
        self.ready = ready
        self.environment = dict(environment or {})
        self.cwd = cwd
        self.start_seconds = start_seconds
        self.stop_seconds = stop_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._buried = False  # then the number of its group may belong to somebody else
        self._log_start = 0

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process and self.running else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Of the last run: negative is a signal's number; None before the end."""
        return self._process.poll() if self._process else None

    async def start(self) -> None:
        """Start it and wait until it is ready; nothing happens if it runs already.

        Raises:
            Fatal: there is no such program, or it ended, or it was not ready in time (then it is
                killed). The text has its last log lines.
        """
        if self.running:
            return
        await self.prepare()
        self._spawn()
        try:
            await self._until_ready()
        except BaseException:
            self.kill()
            raise

    async def prepare(self) -> None:
        """For subclasses: what must be there before each start, folders and files."""

    def _spawn(self) -> None:
        program = shutil.which(self.command[0])
        if program is None:
            raise Fatal(f"{self.name}: there is no program {self.command[0]}")
        self._log_start = _make_room(self.log_file)
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [*_becoming(), os.path.abspath(program), *self.command[1:]],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment},
                cwd=self.cwd,
                start_new_session=True,
            )
        self._buried = False

    async def _until_ready(self) -> None:
        deadline = time.monotonic() + self.start_seconds
        while True:
            if self.exit_code is not None:
                raise Fatal(self._obituary(f"ended at its start with exit code {self.exit_code}"))
            if await self._probe():
                return
            if time.monotonic() > deadline:
                raise Fatal(self._obituary(f"was not ready within {self.start_seconds:.0f} s"))
            await asyncio.sleep(POLL_SECONDS)

    async def _probe(self) -> bool:
        try:
            async with asyncio.timeout(PROBE_SECONDS):  # wait_for can swallow a cancellation
                return await self.ready()
        except OSError:  # TimeoutError is one
            return False

    async def wait(self) -> int:
        """Wait for its end; gives the exit code."""
        while True:
            code = self.exit_code
            if code is not None:
                return code
            await asyncio.sleep(POLL_SECONDS)

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL if it is still there after `stop_seconds`."""
        if self.running:
            self._signal_group(signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(self.stop_seconds):
                    await self.wait()
        self.kill()

    def kill(self) -> None:
        """SIGKILL for it and whatever it started in its process group, at once."""
        if self._process is not None and not self._buried:
            self._signal_group(signal.SIGKILL)
            self._process.wait()
            self._buried = True

    def _signal_group(self, number: signal.Signals) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def last_lines(self, count: int = LINES_IN_AN_ERROR) -> list[str]:
        """The end of what it has logged in its last run."""
        if not self.log_file.exists():
            return []
        with self.log_file.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace").splitlines()[-count:]

    def _obituary(self, what: str) -> str:
        lines = "\n".join(f"  {line}" for line in self.last_lines()) or "  (it logged nothing)"
        return f"{self.name} {what}. It said (all of it is in {self.log_file}):\n{lines}"
