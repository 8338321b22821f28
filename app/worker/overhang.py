"""Marks that may have no row behind them: those of attempts that never reached the ledger.

Most lie between the cursor and the furthest offset that was ever marked, and are read again. Who
is staged again marks the same. Yet the record of a mark may be gone, or another one stand at its
offset, or be rejected now, because the contract was changed: then nobody can find that mark. So
it is noted of each of these offsets of which event a record stands there now, if of any; a mark of
another event is void, and no copy is a duplicate of it.

The marks of a worker that woke up late, or that came back to a partition with the table it had,
may lie anywhere. So each rejected record is noted, too. Such a worker's notes count as much as
ours (`entries.py`): at worst a copy is staged once more, and the load keeps one row of a key.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, MutableMapping

from app.worker.dedupe import Marks
from app.worker.entries import LAST_NOTE, OFFSET, REACH, key_print, note_key

_MANY = 500

Changes = MutableMapping[bytes, bytes]
"""What is to be written into the table: key → packed offset, or what stands in a note."""


class Overhang:
    """Of one lane, from the moment it begins. What it notes travels with the marks themselves."""

    def __init__(self, marks: Marks, partition: int, prefix: bytes, next: int) -> None:
        """`next` is the first offset that this lane reads."""
        self._marks, self._partition, self._prefix = marks, partition, prefix
        reach, last_note = marks.lookup(partition, [prefix + REACH, prefix + LAST_NOTE])
        self._reach = _number(reach)
        self._last_note = _number(last_note)
        self._next = next
        self._until = max(self._reach, self._last_note)

    def marked(self, offset: int, changes: Changes) -> None:
        """No mark is further than `offset` now."""
        if offset > self._reach:
            self._reach = offset
            changes[self._prefix + REACH] = OFFSET.pack(offset)

    def crossed(self, next: int, held: Iterable[int] = ()) -> Iterator[dict[bytes, bytes]]:
        """Note that nothing is staged at the offsets before `next`, but for those that are `held`
        by a record. Gaps may be wide, so that it comes in pieces.
        """
        end = min(next, self._until + 1)
        records = frozenset(held if self._next < end else ())
        while self._next < end:
            changes: dict[bytes, bytes] = {}
            piece = range(self._next, min(end, self._next + _MANY))
            for offset in piece:
                if offset not in records:
                    self.rejected(offset, changes)
            if changes:
                yield changes
            self._next = piece.stop  # once these are written

    def rejected(self, offset: int, changes: Changes) -> None:
        """Nothing is staged at `offset`."""
        self._note(offset, OFFSET.pack(offset), changes)

    def good(self, offset: int, key: bytes, changes: Changes) -> None:
        """The record at `offset`, which was crossed, is staged, or is a copy of one that is: no
        mark of `key` there is void."""
        if offset <= self._until:
            self._note(offset, key_print(key), changes)

    def notes(self, marks: Collection[bytes | None]) -> Mapping[bytes, bytes | None]:
        """What the table says about the offsets of these marks, for `is_void`."""
        if self._last_note < 0:
            return {}
        last = OFFSET.pack(self._last_note)
        keys = [note_key(self._prefix, mark) for mark in marks if mark is not None and mark <= last]
        return dict(zip(keys, self._marks.lookup(self._partition, keys), strict=True))

    def is_void(self, mark: bytes, key: bytes, *notes: Mapping[bytes, bytes | None]) -> bool:
        """Whether no row stands behind this mark of `key`, as the first of these notes tells."""
        at = note_key(self._prefix, mark)
        noted = next((found for said in notes if (found := said.get(at)) is not None), None)
        return noted is not None and noted != key_print(key)

    def _note(self, offset: int, what: bytes, changes: Changes) -> None:
        changes[note_key(self._prefix, OFFSET.pack(offset))] = what
        self._last_note = max(self._last_note, offset)
        changes[self._prefix + LAST_NOTE] = OFFSET.pack(self._last_note)


def _number(packed: bytes | None) -> int:
    return -1 if packed is None else int(OFFSET.unpack(packed)[0])
