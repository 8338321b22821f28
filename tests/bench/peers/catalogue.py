"""What a user would pick instead, and how to get it onto this machine."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

FOLDER = Path(__file__).parent
OUTPUT_LINES = 3
INSTALL_SECONDS = 900


class Absent(Exception):
    """A peer can not be had here; the text says why."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A program that takes the place of our gateway, or of our worker, or of both.

    `install` are commands for `folder`, of which the first words are programs; `locks` name what
    decides their outcome: as long as that is older than the last installation, nothing is done.
    `stores` says where its gateway hands the events on to; a `slow` worker is given fewer events.
    """

    name: str
    about: str
    gateway: tuple[str, ...] = ()
    worker: tuple[str, ...] = ()
    folder: Path = FOLDER
    install: tuple[tuple[str, ...], ...] = ()
    locks: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    stores: Literal["kafka", "redis", ""] = ""
    slow: bool = False

    @property
    def installed(self) -> bool:
        if not self.locks:
            return True
        files = [file for pattern in self.locks for file in self.folder.glob(pattern)]
        newest = max(file.stat().st_mtime for file in files)
        return self._ready.exists() and self._ready.stat().st_mtime >= newest

    @property
    def _ready(self) -> Path:
        return self.folder / ".ready"

    def command(self, part: Literal["gateway", "worker"]) -> list[str]:
        """To run it, in its folder."""
        program, *words = self.gateway if part == "gateway" else self.worker
        ours = self.folder / program
        return [str(ours) if ours.exists() else program, *words]

    def ensure_installed(self) -> None:
        """Install it if that was never done. Raises `Absent` if it can not be."""
        if self.installed:
            return
        for command in self.install:
            if shutil.which(command[0]) is None:
                raise Absent(f"there is no program {command[0]} on this machine")
            self._run(command)
        self._ready.touch()

    def _run(self, command: tuple[str, ...]) -> None:
        environment = {**os.environ, **dict(self.environment)}
        environment.pop("VIRTUAL_ENV", None)  # uv would warn of it
        try:
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=INSTALL_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Absent(f"{' '.join(command)} took more than {INSTALL_SECONDS} s") from None
        if done.returncode:
            last = " / ".join(done.stdout.strip().splitlines()[-OUTPUT_LINES:])
            raise Absent(f"{' '.join(command)} failed: {last}")


@dataclass(frozen=True, slots=True)
class Roster:
    """The peers of a run: those that are here, and why each of the others is not."""

    present: tuple[Peer, ...] = ()
    absent: tuple[tuple[Peer, str], ...] = ()

    def only(self, wanted: Callable[[Peer], object]) -> "Roster":
        """Those for which `wanted` is true."""
        present = tuple(peer for peer in self.present if wanted(peer))
        return Roster(present, tuple(pair for pair in self.absent if wanted(pair[0])))


def enrolled(peers: Iterable[Peer], say: Callable[[str], None]) -> Roster:
    """Install what is not yet installed, telling so."""
    present, absent = [], []
    for peer in peers:
        if not peer.installed:
            say(f"installing {peer.name}: {peer.about}")
        try:
            peer.ensure_installed()
            present.append(peer)
        except Absent as error:
            absent.append((peer, str(error)))
    return Roster(tuple(present), tuple(absent))


def _ours(module: str, *words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"tests.bench.peers.{module}", *words)


_ALL = (
    Peer("floor", "aiohttp without a producer: what HTTP itself takes", gateway=_ours("floor")),
    Peer(
        "floor-uvloop",
        "the same on libuv's loop, which our gateway runs on",
        gateway=_ours("floor", "uvloop"),
    ),
    Peer(
        "node",
        "what Forebay replaces: Koa, Joi and BullMQ on Redis",
        gateway=("node", "gateway.js"),
        worker=("node", "worker.js"),
        folder=FOLDER / "node",
        install=(("npm", "ci", "--no-audit", "--no-fund"),),
        locks=("package-lock.json",),
        stores="redis",
        slow=True,
    ),
    Peer(
        "go",
        "net/http or a consumer on franz-go, ids in memory",
        gateway=("bin/gateway",),
        worker=("bin/worker",),
        folder=FOLDER / "go",
        install=(("go", "build", "-buildvcs=false", "-trimpath", "-o", "bin/", "./cmd/..."),),
        locks=("go.sum", "cmd/*/*.go", "internal/*/*.go"),
        stores="kafka",
    ),
    Peer("loop", "a bare loop of aiokafka: no changelog, one commit", worker=_ours("loop")),
    Peer(
        "quix",
        "Quix Streams with state",
        worker=(".venv/bin/python", "worker.py"),
        folder=FOLDER / "quix",
        install=(("uv", "sync", "--frozen", "--quiet"),),
        locks=("uv.lock",),
        slow=True,
    ),
    Peer("faust", "a naive Faust agent and a table", worker=_ours("faust_naive"), slow=True),
)
PEERS: Mapping[str, Peer] = {peer.name: peer for peer in _ALL}
