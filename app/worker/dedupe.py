"""Where each event was first seen: RocksDB, one database per partition, a few in a process.

`entries.py` says what a mark is. Marks travel to other workers through the table's changelog topic,
many in one message.

A table that has much to recover is filled in another way, see `filling.py`.

After a write has failed, RocksDB refuses all others until it is opened again, whatever became of
the disk; what was written before is still there. So a worker whose disk is full ends, and goes on
where the ledger says once it is started again with some room.
"""

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import rocksdict
from loguru import logger

from app.core.errors import Fatal, ForebayError, Transient
from app.metrics import WORKER_MEMORY, WORKER_MEMORY_LIMIT
from app.worker.entries import OFFSET, PREFIX_BYTES, joined
from app.worker.filling import Filling, batch_of

_POSITION = b"position"
_CACHE_BYTES = 16 << 20
_MEMTABLES_BYTES = 12 << 20
_FEW_MESSAGES = 8
"""What a recovery has to take before the database is opened for filling: that takes 20 ms."""


def key_prefix(topic: str, version: int, topic_id: str) -> bytes:
    """Name one incarnation of a topic: offsets compare only within it."""
    return blake2b(f"{topic}|{version}|{topic_id}".encode(), digest_size=PREFIX_BYTES).digest()


class Marks:
    """The marks of one size class of topics, by partition number.

    `position(p)` is the changelog offset up to which partition `p` holds everything, or None.
    `applied` counts the changelog messages taken so far.

    Every method but `close` and `wipe` raises `Transient` when the disk does not do what was
    asked, and `Fatal` when another process has the databases open.
    """

    def __init__(self, folder: Path, name: str, changelog_topic: str, remember: timedelta) -> None:
        self.changelog_topic = changelog_topic
        self.applied = 0
        self._folder, self._name = folder, name
        self._remember_seconds = int(remember.total_seconds())
        self._databases: dict[int, Any] = {}
        self._filled: dict[int, Filling] = {}
        self._taken: Counter[int] = Counter()
        self._acknowledged: dict[int, set[int]] = {}
        self._damaged: set[int] = set()

    def lookup(self, partition: int, keys: Sequence[bytes]) -> Sequence[bytes | None]:
        """Find the packed offset of each key's first sighting, None where there is none."""
        with self._translating(partition):
            found: Sequence[bytes | None] = self._open(partition).get(keys)
        return found

    def write(self, partition: int, changes: Mapping[bytes, bytes]) -> None:
        """Set marks, key → packed offset, and join notes."""
        with self._translating(partition):
            database = self._open(partition)
            database.write(batch_of(joined(changes.items(), database.get)))

    def apply(self, partition: int, messages: Iterable[tuple[int, bytes]]) -> None:
        """Take changelog messages, (offset, packed marks), in order; each one whole or not."""
        for offset, packed in messages:
            with self._translating(partition):
                self._open_to_fill(partition).take(packed, _POSITION, OFFSET.pack(offset))
            self.applied += 1

    def position(self, partition: int) -> int | None:
        with self._translating(partition):
            stored = self._open(partition).get(_POSITION)
        return None if stored is None else OFFSET.unpack(stored)[0]

    def recovered(self, partition: int, position: int) -> None:
        """Everything in the changelog up to `position` is here or was removed by retention."""
        self._acknowledged[partition] = set()
        if position > _number(self.position(partition)):
            self._move(partition, position)

    def acknowledged(self, partition: int, offset: int) -> None:
        """A message of our own, whose marks are here already, stands at `offset`.

        Another writer's message may stand before it, which we have never read: the position only
        moves as far as there is no hole.
        """
        if partition not in self._databases:  # revoked, or wiped, before the answer came
            return
        ahead = self._acknowledged.setdefault(partition, set())
        ahead.add(offset)
        before = position = _number(self.position(partition))
        while position + 1 in ahead:
            position += 1
            ahead.discard(position)
        if position != before:
            self._move(partition, position)

    def close(self, partitions: Iterable[int] | None = None) -> None:
        """Close these databases, or all; they open again when they are asked for."""
        for partition in list(self._databases if partitions is None else partitions):
            self._acknowledged.pop(partition, None)
            self._shut(partition)

    def wipe(self) -> None:
        """Forget everything that is stored here; the changelog still has it."""
        self.close()
        for path in self._folder.glob(f"{self._name}-*.db"):
            shutil.rmtree(path, ignore_errors=True)

    def _path(self, partition: int) -> Path:
        return self._folder / f"{self._name}-{partition}.db"

    def _move(self, partition: int, position: int) -> None:
        with self._translating(partition):
            self._open(partition).put(_POSITION, OFFSET.pack(position))

    def _shut(self, partition: int) -> None:
        self._filled.pop(partition, None)
        self._taken.pop(partition, None)
        database = self._databases.pop(partition, None)
        if database is not None:
            _close(database)

    def _open_to_fill(self, partition: int) -> Filling:
        filling = self._filled.get(partition)
        if filling is None:
            taken = self._taken[partition] + 1
            if taken <= _FEW_MESSAGES:
                filling = Filling(self._open(partition), logged=True)
            else:
                self._shut(partition)
                filling = Filling(self._open(partition, logged=False), logged=False)
                self._filled[partition] = filling
            self._taken[partition] = taken
        return filling

    def _open(self, partition: int, *, logged: bool = True) -> Any:
        if partition in self._filled:  # from here on it is read and written as always
            self._shut(partition)
        database = self._databases.get(partition)
        if database is None:
            path = self._path(partition)
            if partition in self._damaged:  # only a recovery from the start may fill it again
                raise Transient(f"{path} was damaged and is gone; starting again builds it")
            path.parent.mkdir(parents=True, exist_ok=True)
            database = self._databases[partition] = _opened(path, self._remember_seconds, logged)
        return database

    @contextmanager
    def _translating(self, partition: int) -> Iterator[None]:
        try:
            yield
        except ForebayError:
            raise
        except Exception as error:
            if _is_damage(error):  # it would be found again after each start
                self.close([partition])
                self._damaged.add(partition)
                shutil.rmtree(self._path(partition), ignore_errors=True)
            raise _translated(self._path(partition), error) from error


def _number(position: int | None) -> int:
    return -1 if position is None else position


def _opened(path: Path, remember_seconds: int, logged: bool) -> Any:
    try:
        return _rocksdb(path, remember_seconds, logged)
    except Exception as error:
        if not _is_damage(error):
            raise
        logger.warning("{} is damaged and is built again from the changelog", path)
        shutil.rmtree(path, ignore_errors=True)
        return _rocksdb(path, remember_seconds, logged)


def _rocksdb(path: Path, remember_seconds: int, logged: bool) -> Any:
    return rocksdict.Rdict(
        str(path),
        options=_options(logged),
        # Left out, a database that is opened again takes its options from its file instead of
        # from us, with a time to live so long that it overflows: all is expired, and the next
        # compaction removes it.
        column_families={},
        access_type=rocksdict.AccessType.with_ttl(remember_seconds),
    )


def _close(database: Any) -> None:
    try:
        database.close()
    except Exception as error:  # it was told before what did not get to the disk
        logger.warning("a dedupe table was closed with an error: {}", error)


def _is_damage(error: Exception) -> bool:
    # rocksdict has one exception class; RocksDB's text begins with the kind of error.
    return str(error).startswith("Corruption")


def _translated(path: Path, error: Exception) -> ForebayError:
    text = str(error)
    if text.startswith(("IO error: While lock file", "IO error: lock hold by")):
        return Fatal(f"{path} is in use by another process; give each worker a WORKER__DATA_DIR")
    if _is_damage(error):
        return Transient(f"{path} is damaged; starting again builds it from the changelog ({text})")
    return Transient(
        f"the dedupe table {path} can not be read or written: is the disk full or failing? Once "
        f"there is room, starting again goes on where the ledger says ({text})"
    )


@cache
def _shared() -> tuple[Any, Any]:
    """One cache and one memtable budget for the process, however many databases are open."""
    blocks = rocksdict.Cache(_CACHE_BYTES)
    memtables = rocksdict.WriteBufferManager(_MEMTABLES_BYTES, False)
    WORKER_MEMORY_LIMIT.labels("tables").set(_CACHE_BYTES + _MEMTABLES_BYTES)
    WORKER_MEMORY.labels("tables").set_function(
        lambda: float(blocks.get_usage() + memtables.get_usage())
    )
    return blocks, memtables


def _options(logged: bool) -> Any:
    block_cache, memtables = _shared()
    options = rocksdict.Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(4 << 20)
    options.set_max_write_buffer_number(2)
    options.set_write_buffer_manager(memtables)
    options.set_target_file_size_base(16 << 20)
    options.set_max_open_files(64)
    options.set_max_background_jobs(2)
    options.set_keep_log_file_num(2)
    blocks = rocksdict.BlockBasedOptions()
    blocks.set_block_cache(block_cache)
    blocks.set_cache_index_and_filter_blocks(True)
    blocks.set_bloom_filter(10, False)
    # In parts of 4 kB, not one filter and one index per file: with more keys than the cache has
    # filters for (some five millions), each look-up read 25 kB and more of them; now 200 B.
    blocks.set_partition_filters(True)
    blocks.set_index_type(rocksdict.BlockBasedIndexType.two_level_index_search())
    blocks.set_pin_top_level_index_and_filter(True)
    options.set_block_based_table_factory(blocks)
    if not logged:
        options.set_allow_concurrent_memtable_write(False)
        options.set_memtable_factory(rocksdict.MemtableFactory.vector())
    return options
