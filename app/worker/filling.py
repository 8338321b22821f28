"""How a table takes its changelog: with half the CPU time of writing to a table that is used.

Keys come in random order, and keeping them sorted in memory as they come takes most of the time
(2.2 of 3.4 µs a key; of all threads it was 6.8 for ten millions, and is 3.5). So what is in memory
stays a heap here, sorted once when it goes to the disk, by RocksDB's own thread; and nothing is
logged, for the changelog has all. What a crash leaves on the disk is a beginning of what was
written, and the position, which is written with the marks, says which.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import rocksdict

from app.worker.entries import MARK, is_bound, joined


class Filling:
    """A database that takes changelog messages; `logged` if it was opened as one that is used."""

    def __init__(self, database: Any, *, logged: bool) -> None:
        self._database, self._logged = database, logged
        self._options = rocksdict.WriteOptions()
        # Their stub takes this property for a method.
        self._options.disable_wal = not logged  # type: ignore[method-assign, assignment]
        self._bounds: dict[bytes, bytes | None] = {}

    def take(self, packed: bytes, position_key: bytes, position: bytes) -> None:
        """Write the marks of one message, join its notes, and move the position: all or nothing."""
        entries = joined(MARK.iter_unpack(packed), self._look)
        batch = batch_of(entries)
        batch.put(position_key, position)
        self._database.write(batch, self._options)
        for key in self._bounds.keys() & entries.keys():
            self._bounds[key] = entries[key]

    def _look(self, keys: Sequence[bytes]) -> Sequence[bytes | None]:
        """What the database has of these notes. Looking into the heap would sort it each time: so
        it goes to the disk before, unless there are bounds only, which come in every message."""
        known = self._bounds
        if any(key not in known for key in keys):
            if not self._logged:
                self._database.flush()
            found = dict(zip(keys, self._database.get(list(keys)), strict=True))
            known |= {key: value for key, value in found.items() if is_bound(key)}
            return list(found.values())
        return [known[key] for key in keys]


def batch_of(entries: Mapping[bytes, bytes]) -> Any:
    """A write that is done whole or not."""
    batch = rocksdict.WriteBatch(raw_mode=True)
    for key, value in entries.items():
        batch.put(key, value)
    return batch
