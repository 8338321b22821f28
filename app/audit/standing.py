"""The deep look at the rows: those that the objects make, against those that stand.

For each loaded day the rows of the objects that its load named, one per composite key, are what
must stand. Where they differ, each offset that is missing or too many is named.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import msgspec

from app.audit.days import DayFacts, again
from app.audit.old_seals import is_summarised
from app.audit.prints import object_of
from app.audit.report import Finding, FindingKind, Findings
from app.audit.scratch import Scratch
from app.audit.spans import Span, Spans
from app.contracts.table import Table
from app.ledger.protocol import DayLoad
from sinks.protocol import NO_PLACE, Fingerprint, Place, Warehouse

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WHOLE_ROW = msgspec.json.Decoder(dict[str, Any])

# `keep: last` wants the same order the other way round. All rows of an event are of one copy.
LOSERS = """
DELETE FROM copies WHERE rowid IN (
  SELECT rowid FROM (
    SELECT rowid, rank() OVER event AS copy, row_number() OVER line AS place
    FROM copies
    WINDOW event AS (PARTITION BY key ORDER BY received {way}, part {way}, at {way}, topic {way}),
      line AS (PARTITION BY key, line ORDER BY received {way}, part {way}, at {way}, topic {way}))
  WHERE copy > 1 OR place > 1)
"""

Sums = dict[str, list[int]]
"""By partition: what a `Fingerprint` has, but for the keys."""


@dataclass
class _Day:
    """A loaded day while its objects are read."""

    facts: DayFacts
    table: Table
    load: DayLoad
    seals: set[str]
    index_of: Callable[[bytes], int]
    sums: Sums = field(default_factory=dict)
    unreadable: bool = False

    @property
    def collapses(self) -> bool:
        return bool(self.load.collapsed)


class StandingRows:
    """Takes the rows of all objects, day by day, and compares each day when it ends.

    A day without collapsed rows is only added up. For one with them, and for one that differs,
    its rows' places are written to disk: memory does not grow with the rows.
    """

    def __init__(
        self, warehouse: Warehouse, facts: Mapping[str, DayFacts], scratch: Scratch,
        findings: Findings,
    ) -> None:  # fmt: skip
        self._warehouse, self._facts = warehouse, facts
        self._scratch, self._findings = scratch, findings
        self._day: _Day | None = None
        self._writes = False
        self.named: set[tuple[str, date, str]] = set()
        """Event, day and partition of each difference that was named."""

    def begin(self, event: str, day: date) -> None:
        facts = self._facts.get(event)
        load = facts.loads.get(day) if facts else None
        self._day = None
        if is_summarised(self._scratch, event, day):
            return  # a part of its rows has no objects any more
        if facts is not None and facts.table is not None and load is not None:
            rows = self._scratch.rows(
                "SELECT seal FROM loaded WHERE event = ? AND day = ?", event, day.isoformat()
            )
            seals = {seal for (seal,) in rows}
            self._day = _Day(facts, facts.table, load, seals, _indexes(facts.table))
            self._writes = self._day.collapses
            self._scratch.change("DELETE FROM copies")

    def wants(self, seal: str, key: str) -> bool:
        """Whether rows of this seal's object must stand: not those of a run that is not shown."""
        day = self._day
        if day is None or seal not in day.seals:
            return False
        return not day.table.runs or day.facts.shows(day.load, key)

    def take(self, topic: str, partition: int, tp: str, offset: int, raw: bytes) -> None:
        """One row of a wanted object."""
        day = self._day
        assert day is not None
        place = offset, day.index_of(raw)
        if self._writes:
            key, received = _identity(day.table, raw) if day.collapses else (b"", 0)
            self._scratch.add("copies", topic, partition, *place, key, received)
        else:
            _add(day.sums, tp, place)

    def spoil(self, seal: str, key: str) -> None:
        """An object can not be read to its end: what its day must hold is not known."""
        if self.wants(seal, key) and self._day is not None:
            self._day.unreadable = True

    async def end(self, read_again: Callable[[], Awaitable[None]]) -> None:
        """Compare the day; `read_again` reads its objects once more, for `take`."""
        day = self._day
        if day is None or day.unreadable:
            return
        if day.collapses:
            self._collapse(day)
        standing = await self._standing(day)
        if standing is None:
            return
        wrong = [
            tp
            for tp in sorted({*day.sums, *standing})
            if tuple(day.sums.get(tp, ())) != _numbers(standing.get(tp))
        ]
        if wrong and not day.collapses:
            self._writes = True
            await read_again()
        for tp in wrong:
            await self._name(day, tp)

    def _collapse(self, day: _Day) -> None:
        self._scratch.change(LOSERS.format(way="ASC" if day.table.keep == "first" else "DESC"))
        rows = self._scratch.rows("SELECT topic, part, at, line FROM copies")
        for topic, partition, offset, index in rows:
            _add(day.sums, f"{topic}/{partition}", (offset, index))

    async def _standing(self, day: _Day) -> Mapping[str, Fingerprint] | None:
        """What stands, if it is still what this load left."""
        of_day, runs = [day.load.day], []
        for look in (True, False):
            loaded = await self._warehouse.loaded(day.table, of_day)
            runs += [one.run for one in loaded.values()]
            if look:
                prints = await self._warehouse.fingerprints(day.table, of_day)
        if runs != [day.load.run] * 2:
            return None
        return prints[day.load.day].standing if day.load.day in prints else {}

    async def _name(self, day: _Day, tp: str) -> None:
        event, of_day = day.load.event, day.load.day
        self.named.add((event, of_day, tp))
        counted = self._places(day, tp)
        spans = Spans(by_index=day.table.index is not None)
        standing = await anext(counted, None)
        for place, wanted in self._wanted(tp):
            while standing is not None and standing[0] < place:
                spans.add(standing[0], standing[1])
                standing = await anext(counted, None)
            there = standing[1] if standing is not None and standing[0] == place else 0
            spans.add(place, there - wanted)
            if there:
                standing = await anext(counted, None)
        while standing is not None:
            spans.add(standing[0], standing[1])
            standing = await anext(counted, None)
        for span in spans.found:
            self._note(day, tp, span)

    def _note(self, day: _Day, tp: str, span: Span) -> None:
        event, of_day = day.load.event, day.load.day
        key, seal = object_of(self._scratch, event, of_day, tp, span.first, span.next)
        what = (
            "must stand, by the objects, and does not"
            if span.too_many < 0
            else f"stands {span.too_many} times more than the objects make it"
        )
        self._findings.add(
            Finding(
                FindingKind.WAREHOUSE_ROWS,
                f"{event} {of_day}, {tp}: {span} {what}{f' (object {key})' if key else ''}; "
                f"{again(event, of_day)}.",
                event=event, day=of_day, tp=tp, first=span.first, next=span.next,
                object=key, seal=seal,
            )
        )  # fmt: skip

    def _wanted(self, tp: str) -> Iterator[tuple[Place, int]]:
        topic, _, partition = tp.rpartition("/")
        rows = self._scratch.rows(
            "SELECT at, line, COUNT(*) FROM copies WHERE topic = ? AND part = ? "
            "GROUP BY 1, 2 ORDER BY 1, 2",
            topic, int(partition),
        )  # fmt: skip
        for offset, index, copies in rows:
            yield (offset, index), copies

    async def _places(self, day: _Day, tp: str) -> AsyncIterator[tuple[Place, int]]:
        beyond = NO_PLACE
        while page := await self._warehouse.places(day.table, day.load.day, tp, beyond):
            for one in page:
                yield one
            beyond = page[-1][0]


def _add(sums: Sums, tp: str, place: Place) -> None:
    offset, index = place
    found = sums.get(tp)
    if found is None:
        sums[tp] = [1, offset, offset, offset, offset * offset + index * index]
        return
    found[0] += 1
    if offset < found[1]:
        found[1] = offset
    elif offset > found[2]:
        found[2] = offset
    found[3] += offset
    found[4] += offset * offset + index * index


def _numbers(one: Fingerprint | None) -> tuple[int, ...]:
    return (one.rows, one.first, one.last, one.offsets, one.squares) if one else ()


def _indexes(table: Table) -> Callable[[bytes], int]:
    """What tells a row's index among those of its event."""
    if table.index is None:
        return lambda raw: 0
    fields = [("index", int, msgspec.field(name=table.index))]
    decoder = msgspec.json.Decoder(msgspec.defstruct("Indexed", fields))
    return lambda raw: int(decoder.decode(raw).index)  # type: ignore[attr-defined]


def _identity(table: Table, raw: bytes) -> tuple[bytes, int]:
    """A hash of what names a row's event, and when it was received, in microseconds."""
    row = WHOLE_ROW.decode(raw)
    types = {column.name: column.type for column in table.columns}
    key = repr([_value(types[name], row.get(name)) for name in table.event_key])
    return blake2b(key.encode(), digest_size=16).digest(), _microseconds(row["_received_at"])


def _value(kind: str, value: Any) -> object:
    """Two values that a warehouse holds for equal are equal here."""
    if value is None:
        return None
    match kind:
        case "timestamp":
            return _microseconds(value)
        case "uuid":
            return str(value).lower()
        case "decimal":
            return Decimal(str(value)).normalize()
        case "number":
            return float(value)
        case _:
            return value


def _microseconds(text: str) -> int:
    return round((datetime.fromisoformat(text) - EPOCH).total_seconds() * 1_000_000)
