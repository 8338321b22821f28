"""Marks that may have no row behind them: those of attempts that never reached the ledger.

They lie between the cursor and the furthest offset that was ever marked, and are read again. Who
is staged again marks the same, and who is rejected now takes its mark away. Yet a record that can
not even be read any more, because the contract was changed in between, has no key by which to find
its mark: then its offset is noted as void, so that a repaired copy is no duplicate of it.
"""

from collections.abc import Mapping, MutableMapping

from app.worker.dedupe import FORGET, KEY_BYTES, OFFSET, PREFIX_BYTES, Marks

_REACH = bytes(KEY_BYTES - PREFIX_BYTES)
_LAST_VOID = _REACH[:-1] + b"\x01"
_VOID = b"\xff" * (KEY_BYTES - PREFIX_BYTES - OFFSET.size)

Changes = MutableMapping[bytes, bytes]
"""What is to be written into the table: key → packed offset, or `FORGET`."""


class Overhang:
    """Of one lane, from the moment it begins. What it notes travels with the marks themselves.

    `until` is the last offset for which any of this matters.
    """

    def __init__(self, marks: Marks, partition: int, prefix: bytes) -> None:
        self._marks, self._partition, self._prefix = marks, partition, prefix
        reach, last_void = marks.lookup(partition, [prefix + _REACH, prefix + _LAST_VOID])
        self._end = self._reach = _number(reach)
        self._last_void = _number(last_void)
        self.until = max(self._end, self._last_void)

    def marked(self, offset: int, changes: Changes) -> None:
        """No mark is further than `offset` now."""
        if offset > self._reach:
            self._reach = offset
            changes[self._prefix + _REACH] = OFFSET.pack(offset)

    def staged(self, offset: int, changes: Changes) -> None:
        """The record at `offset` marks its key, so that it counts, even if it once did not."""
        if offset <= self._last_void:
            changes[self._void(offset)] = FORGET

    def unreadable(self, offset: int, changes: Changes) -> None:
        """An attempt before may have marked the record at `offset`, and nobody knows its key."""
        if offset > self._end:
            return
        changes[self._void(offset)] = OFFSET.pack(offset)
        self._last_void = max(self._last_void, offset)
        changes[self._prefix + _LAST_VOID] = OFFSET.pack(self._last_void)

    def is_void(self, mark: bytes, changes: Mapping[bytes, bytes]) -> bool:
        """Whether no row stands behind this mark, as far as `changes` and the table tell."""
        (offset,) = OFFSET.unpack(mark)
        if offset > self._last_void:
            return False
        key = self._void(offset)
        noted = changes.get(key)
        if noted is None:
            (noted,) = self._marks.lookup(self._partition, [key])
        return noted is not None and noted != FORGET

    def _void(self, offset: int) -> bytes:
        return self._prefix + _VOID + OFFSET.pack(offset)


def _number(packed: bytes | None) -> int:
    return -1 if packed is None else int(OFFSET.unpack(packed)[0])
