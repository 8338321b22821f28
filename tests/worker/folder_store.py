"""An object store in a folder: shared by processes, and only whole objects are ever there."""

import asyncio
import gzip
import hashlib
from collections.abc import AsyncIterator, Collection
from datetime import UTC, datetime
from pathlib import Path

from sinks.protocol import ObjectLost, ObjectStat, Written


class FolderStore:
    """`hangs`: neither finishing nor aborting ever ends, as in a broken client library."""

    def __init__(self, folder: Path, *, hangs: bool = False) -> None:
        self.folder, self.hangs = folder, hangs

    def writer(self, key: str) -> "FolderWriter":
        return FolderWriter(self.folder / key, self.hangs)

    async def stat(self, key: str) -> ObjectStat | None:
        path = self.folder / key
        return self._stat(path) if path.exists() else None

    async def read(self, key: str) -> AsyncIterator[bytes]:
        path = self.folder / key
        if not path.exists():
            raise ObjectLost(f"object {key} is not there")
        yield path.read_bytes()

    async def list(self, prefix: str) -> AsyncIterator[ObjectStat]:
        for path in sorted(self.folder.rglob("*.gz")):
            if str(path.relative_to(self.folder)).startswith(prefix):
                yield self._stat(path)

    async def delete(self, keys: Collection[str]) -> None:
        for key in keys:
            (self.folder / key).unlink(missing_ok=True)

    async def ping(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    async def close(self) -> None:
        """Nothing is held."""

    def _stat(self, path: Path) -> ObjectStat:
        body, key = path.read_bytes(), str(path.relative_to(self.folder))
        modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return ObjectStat(key, len(body), hashlib.md5(body).hexdigest(), modified)


class FolderWriter:
    """Compresses at the end."""

    def __init__(self, path: Path, hangs: bool) -> None:
        self._path, self._hangs = path, hangs
        self._raw = bytearray()

    @property
    def held_bytes(self) -> int:
        return len(self._raw)

    def append(self, lines: bytes | bytearray) -> None:
        self._raw += lines

    async def relieve(self) -> None:
        """Everything is kept until the end."""

    async def finish(self) -> Written:
        await self._hang()
        body = gzip.compress(bytes(self._raw), 1)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_suffix(".unfinished")
        unfinished.write_bytes(body)
        unfinished.rename(self._path)
        return Written(len(body), hashlib.sha256(body).hexdigest(), hashlib.md5(body).hexdigest())

    async def abort(self) -> None:
        self._raw.clear()
        await self._hang()

    async def _hang(self) -> None:
        if self._hangs:
            await asyncio.get_running_loop().create_future()
