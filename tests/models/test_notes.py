"""Two workers note what they see of one partition, and neither knows of the other.

In whatever order their messages come, and however often, the same table is left, and no note is
undone.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import strategies as st

from app.worker.dedupe import Marks
from app.worker.entries import (
    KEY_BYTES,
    LAST_NOTE,
    MARK,
    OFFSET,
    PREFIX_BYTES,
    REACH,
    note_key,
)
from app.worker.overhang import Overhang
from tests.models.effort import try_property

OFFSETS = range(8)
PREFIX = b"p" * PREFIX_BYTES
KEYS = [PREFIX + bytes([n]) * (KEY_BYTES - PREFIX_BYTES) for n in (1, 2)]
NOTES = [note_key(PREFIX, OFFSET.pack(offset)) for offset in OFFSETS]
BOUNDS = [PREFIX + REACH, PREFIX + LAST_NOTE]

Seen = tuple[int, int | None]
"""An offset, and which event stands there; None: a record that is rejected."""
Message = Sequence[Seen]

_seen = st.tuples(st.sampled_from(OFFSETS), st.sampled_from([None, 0, 1]))
_message = st.lists(_seen, min_size=1, max_size=3, unique_by=lambda seen: seen[0])
_messages = st.lists(_message, max_size=4)
_orders = st.lists(st.sampled_from([0, 1]), max_size=8)


class Tables:
    def __init__(self, folder: Path) -> None:
        self._folder, self._numbers = folder, count()
        self.opened: list[Marks] = []

    def fresh(self) -> Marks:
        self.opened.append(
            Marks(self._folder, f"t{next(self._numbers)}", "changelog", timedelta(days=1))
        )
        return self.opened[-1]

    def wipe(self) -> None:
        for table in self.opened:
            table.wipe()
        self.opened.clear()


@pytest.fixture
def tables(fast_dir: Path) -> Iterator[Tables]:
    made = Tables(fast_dir)
    yield made
    made.wipe()


def written(tables: Tables, messages: Sequence[Message]) -> list[bytes]:
    """What one worker writes to the changelog; an attempt before it has marked all offsets."""
    table = tables.fresh()
    table.write(0, {PREFIX + REACH: OFFSET.pack(OFFSETS[-1])})
    overhang = Overhang(table, 0, PREFIX, 0)
    packed = []
    for message in messages:
        changes: dict[bytes, bytes] = {}
        for offset, event in message:
            if event is None:
                overhang.rejected(offset, changes)
            else:
                overhang.good(offset, KEYS[event], changes)
        overhang.marked(message[-1][0], changes)
        table.write(0, changes)
        packed.append(b"".join(MARK.pack(*entry) for entry in changes.items()))
    return packed


def merged(order: Sequence[int], writers: Sequence[Sequence[bytes]]) -> list[bytes]:
    """The messages of each writer in its own order; what `order` leaves comes at the end."""
    left = [list(messages) for messages in writers]
    mixed = [left[n].pop(0) for n in order if left[n]]
    return mixed + left[0] + left[1]


def test_in_whatever_order_two_workers_notes_come_the_same_table_is_left(tables: Tables) -> None:
    def tried(one: list[Message], other: list[Message], order: list[int], again: int) -> None:
        writers = [written(tables, one), written(tables, other)]
        first, second = tables.fresh(), tables.fresh()
        first.apply(0, enumerate(writers[0] + writers[1]))
        mixed = merged(order, writers)
        second.apply(0, enumerate(mixed[:again] + mixed))
        assert first.lookup(0, BOUNDS) == second.lookup(0, BOUNDS)
        assert first.lookup(0, NOTES) == second.lookup(0, NOTES)
        tables.wipe()

    try_property(
        tried,
        examples=60,
        one=_messages,
        other=_messages,
        order=_orders,
        again=st.integers(0, 8),
    )


def test_bounds_only_grow_and_what_is_void_to_one_stays_void(tables: Tables) -> None:
    def tried(one: list[Message], other: list[Message], order: list[int]) -> None:
        mixed = merged(order, [written(tables, one), written(tables, other)])
        table = tables.fresh()
        bounds: list[bytes] = [b"", b""]
        void: set[int] = set()
        for number, message in enumerate(mixed):
            table.apply(0, [(number, message)])
            now = [bound or b"" for bound in table.lookup(0, BOUNDS)]
            assert all(later >= before for later, before in zip(now, bounds, strict=True))
            overhang = Overhang(table, 0, PREFIX, 0)
            marks = [OFFSET.pack(offset) for offset in OFFSETS]
            notes = overhang.notes(marks)
            found = {o for o in OFFSETS if all(overhang.is_void(marks[o], k, notes) for k in KEYS)}
            assert found >= void
            bounds, void = now, found
        rejected = {offset for m in [*one, *other] for offset, event in m if event is None}
        assert void >= rejected
        tables.wipe()

    try_property(tried, examples=60, one=_messages, other=_messages, order=_orders)
