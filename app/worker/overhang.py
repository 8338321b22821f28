"""Marks that may have no row behind them: those of attempts that never reached the ledger.

Most lie between the cursor and the furthest offset that was ever marked, and are read again. Who
is staged again marks the same. Yet the record of a mark may be gone, or another one stand at its
offset, or be rejected now, because the contract was changed: then nobody can find that mark. So
it is noted of each of these offsets what is staged there now, if anything is; a mark of another
event is void, and no copy is a duplicate of it.

The marks of a worker that woke up late, or that came back to a partition with the table it had,
may lie anywhere. So each rejected record is noted, too. Should such a worker's note be the wrong
one, a copy is staged once more: the load keeps one row of a key.
"""

from collections.abc import Collection, Iterator, Mapping, MutableMapping

from app.worker.dedupe import KEY_BYTES, OFFSET, PREFIX_BYTES, Marks

_REACH = bytes(KEY_BYTES - PREFIX_BYTES)
_LAST_NOTE = _REACH[:-1] + b"\x01"
_NOTE = b"\xff" * (KEY_BYTES - PREFIX_BYTES - OFFSET.size)
_MANY = 500

Changes = MutableMapping[bytes, bytes]
"""What is to be written into the table: key → packed offset, or what stands in a note."""


class Overhang:
    """Of one lane, from the moment it begins. What it notes travels with the marks themselves."""

    def __init__(self, marks: Marks, partition: int, prefix: bytes, next: int) -> None:
        """`next` is the first offset that this lane reads."""
        self._marks, self._partition, self._prefix = marks, partition, prefix
        reach, last_note = marks.lookup(partition, [prefix + _REACH, prefix + _LAST_NOTE])
        self._reach = _number(reach)
        self._last_note = _number(last_note)
        self._next = next
        self._until = max(self._reach, self._last_note)

    def marked(self, offset: int, changes: Changes) -> None:
        """No mark is further than `offset` now."""
        if offset > self._reach:
            self._reach = offset
            changes[self._prefix + _REACH] = OFFSET.pack(offset)

    def crossed(self, next: int) -> Iterator[dict[bytes, bytes]]:
        """Note that nothing is staged at the offsets before `next`, as long as nothing else is
        said: also not in the gaps, that may be wide, so that it comes in pieces.
        """
        end = min(next, self._until + 1)
        while self._next < end:
            changes: dict[bytes, bytes] = {}
            piece = range(self._next, min(end, self._next + _MANY))
            for offset in piece:
                self.rejected(offset, changes)
            self._next = piece.stop
            yield changes

    def rejected(self, offset: int, changes: Changes) -> None:
        """Nothing is staged at `offset`."""
        changes[self._note(offset)] = OFFSET.pack(offset)
        self._last_note = max(self._last_note, offset)
        changes[self._prefix + _LAST_NOTE] = OFFSET.pack(self._last_note)

    def staged(self, offset: int, key: bytes, changes: Changes) -> None:
        """The record at `offset`, which was crossed, is staged and marks `key`."""
        if offset <= self._until:
            changes[self._note(offset)] = _print(key)

    def notes(self, marks: Collection[bytes | None]) -> Mapping[bytes, bytes | None]:
        """What the table says about the offsets of these marks, for `is_void`."""
        last = OFFSET.pack(self._last_note)
        keys = [self._note_at(mark) for mark in marks if mark is not None and mark <= last]
        return dict(zip(keys, self._marks.lookup(self._partition, keys), strict=True))

    def is_void(self, mark: bytes, key: bytes, *notes: Mapping[bytes, bytes | None]) -> bool:
        """Whether no row stands behind this mark of `key`, as the first of these notes tells."""
        at = self._note_at(mark)
        noted = next((found for said in notes if (found := said.get(at)) is not None), None)
        return noted is not None and noted != _print(key)

    def _note(self, offset: int) -> bytes:
        return self._note_at(OFFSET.pack(offset))

    def _note_at(self, mark: bytes) -> bytes:
        return self._prefix + _NOTE + mark


def _print(key: bytes) -> bytes:
    """What stands for a key in a note; never a packed offset."""
    return b"\x80" + key[1 - OFFSET.size :]


def _number(packed: bytes | None) -> int:
    return -1 if packed is None else int(OFFSET.unpack(packed)[0])
