"""The log of many processes in one: a name before each line, in colour on a terminal."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from app.local.process import ChildProcess

POLL_SECONDS = 0.1
COLOURS = (36, 33, 32, 35, 34, 96)
WIDTH = 9


class Output:
    """Where `forebay up` writes."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._coloured = self._stream.isatty() and "NO_COLOR" not in os.environ
        self._colours: dict[str, int] = {}

    def say(self, text: str, name: str = "forebay") -> None:
        """Write each line of `text` after the name of who said it."""
        prefix = f"{name:>{WIDTH}} | "
        if self._coloured:
            colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
            prefix = f"\033[{colour}m{prefix}\033[0m"
        for line in text.splitlines():
            self._stream.write(f"{prefix}{line}\n")
        self._stream.flush()

    @asynccontextmanager
    async def following(self, children: Iterable[ChildProcess]) -> AsyncIterator[None]:
        """Write what they log from now on, until the context is left."""
        tails = [(child.name, Tail(child.log_file)) for child in children]
        task = asyncio.create_task(self._follow(tails))
        try:
            yield
        finally:
            task.cancel()
            self._pass_on(tails)
            for _, tail in tails:
                tail.close()

    async def _follow(self, tails: list[tuple[str, "Tail"]]) -> None:
        while True:
            self._pass_on(tails)
            await asyncio.sleep(POLL_SECONDS)

    def _pass_on(self, tails: list[tuple[str, "Tail"]]) -> None:
        for name, tail in tails:
            for line in tail.read():
                self.say(line, name)


class Tail:
    """The complete lines that are added to a file from now on, also when another takes its place.

    A file and not a pipe, so that a child never waits for us, nor dies of our death too early to
    say why.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        self._path = path
        self._file: BinaryIO = path.open("rb")
        self._file.seek(0, os.SEEK_END)
        self._rest = b""

    def read(self) -> list[str]:
        added = self._file.read()
        if not added and self._was_replaced():
            self._file.close()
            self._file = self._path.open("rb")
            added = self._file.read()
        *lines, self._rest = (self._rest + added).split(b"\n")
        return [line.decode(errors="replace") for line in lines]

    def _was_replaced(self) -> bool:
        try:
            return self._path.stat().st_ino != os.fstat(self._file.fileno()).st_ino
        except FileNotFoundError:
            return False

    def close(self) -> None:
        self._file.close()
