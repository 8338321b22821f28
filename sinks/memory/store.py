"""The object store in memory."""

import hashlib
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from isal import isal_zlib

from sinks.memory.faults import Faults, When
from sinks.protocol import ObjectLost, ObjectStat, Upload, Written

GZIP = 31
READ_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class _Stored:
    body: bytes
    stat: ObjectStat


def _utc_now() -> datetime:
    return datetime.now(UTC)


class MemoryObjectStore:
    """Objects in a dict. `unfinished` says since when writers upload what they did not finish or
    abort; `clock` is what dates everything."""

    def __init__(
        self, *, part_bytes: int = 1 << 20, clock: Callable[[], datetime] = _utc_now
    ) -> None:
        self.part_bytes, self.clock = part_bytes, clock
        self.objects: dict[str, _Stored] = {}
        self.unfinished: dict[str, datetime] = {}
        self._faults = Faults()

    def fail_next(
        self,
        operation: Literal["relieve", "finish", "stat", "read", "list", "delete", "ping"],
        error: Exception,
        when: When = "before",
    ) -> None:
        """Make the next call of `operation` raise; `after`: it is done, but the answer is lost."""
        self._faults.plan(operation, error, when)

    def mend(self) -> None:
        """Forget the failures that have not struck yet."""
        self._faults.planned.clear()

    def writer(self, key: str) -> "MemoryWriter":
        return MemoryWriter(self, key, self._faults)

    def put(self, key: str, body: bytes) -> Written:
        """Store an object as it is."""
        sha = hashlib.sha256(body).hexdigest()
        written = Written(len(body), sha, f"memory-{sha[:32]}")
        stat = ObjectStat(key, len(body), written.etag, self.clock())
        self.objects[key] = _Stored(body, stat)
        return written

    async def stat(self, key: str) -> ObjectStat | None:
        self._faults.strike("stat")
        stored = self.objects.get(key)
        return stored.stat if stored else None

    async def read(self, key: str) -> AsyncIterator[bytes]:
        self._faults.strike("read")
        if key not in self.objects:
            raise ObjectLost(f"object {key} is not there")
        body = self.objects[key].body
        for start in range(0, len(body), READ_BYTES):
            yield body[start : start + READ_BYTES]

    async def list(self, prefix: str) -> AsyncIterator[ObjectStat]:
        self._faults.strike("list")
        for key in sorted(self.objects, key=str.encode):
            if key.startswith(prefix):
                yield self.objects[key].stat

    async def delete(self, keys: Collection[str]) -> None:
        self._faults.strike("delete")
        for key in keys:
            self.objects.pop(key, None)

    async def uploads(self) -> AsyncIterator[Upload]:
        self._faults.strike("list")
        for key in sorted(self.unfinished):
            yield Upload(key, key, self.unfinished[key])

    async def abort_upload(self, upload: Upload) -> None:
        self._faults.strike("delete")
        self.unfinished.pop(upload.key, None)

    async def now(self) -> datetime:
        return self.clock()

    async def ping(self) -> None:
        self._faults.strike("ping")

    async def close(self) -> None:
        """Objects stay until the store is forgotten."""


class MemoryWriter:
    """Compresses on `relieve`; the store keeps what was uploaded out of `held_bytes`."""

    def __init__(self, store: MemoryObjectStore, key: str, faults: Faults) -> None:
        self._store, self._key, self._faults = store, key, faults
        self._raw = bytearray()
        self._compressor = isal_zlib.compressobj(1, isal_zlib.DEFLATED, GZIP)
        self._parts: list[bytes] = []
        self._written: Written | None = None
        self._aborted = False

    @property
    def held_bytes(self) -> int:
        return len(self._raw)

    def append(self, lines: bytes | bytearray) -> None:
        if self._written is not None or self._aborted:
            raise RuntimeError(f"{self._key} is finished or aborted")
        self._raw += lines

    async def relieve(self) -> None:
        if len(self._raw) < self._store.part_bytes:
            return
        self._faults.strike("relieve")
        self._upload(self._compressor.compress(bytes(self._raw)))
        self._raw.clear()

    async def finish(self) -> Written:
        if self._aborted:
            raise RuntimeError(f"{self._key} is aborted")
        if self._written is not None:
            return self._written
        self._faults.strike("finish")
        if self._parts and self._key not in self._store.unfinished:
            raise ObjectLost(f"the upload of {self._key} was aborted by someone else")
        last = self._compressor.compress(bytes(self._raw)) + self._compressor.flush()
        body = b"".join([*self._parts, last])
        self._written = self._store.put(self._key, body)
        self._store.unfinished.pop(self._key, None)
        self._raw.clear()
        self._parts.clear()
        self._faults.strike("finish", after=True)
        return self._written

    async def abort(self) -> None:
        self._aborted = self._written is None
        self._store.unfinished.pop(self._key, None)
        self._raw.clear()
        self._parts.clear()

    def _upload(self, part: bytes) -> None:
        self._parts.append(part)
        self._store.unfinished.setdefault(self._key, self._store.clock())
