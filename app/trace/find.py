"""Follow one event through Kafka, ledger, objects and warehouse.

By place: the entry of the chain that holds the offset, then the seal's objects, then the load that
named the seal, then the row. By key the other way round: the table, what is sealed and not loaded,
what is not sealed, the dead letters; whatever is found has a place, which is followed as above.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from app.contracts.model import Contract
from app.core.incarnation import place_of
from app.core.judge import Accepted, judge
from app.core.partition import partition_of
from app.core.seal import ObjectKind, StoredObject, partition_name, run_of_key
from app.kafka import KafkaOptions
from app.kafka_logs import kafka_logs
from app.kafka_records import Stretch
from app.ledger.protocol import Ledger
from app.trace.bounded import Exhausted
from app.trace.key import Key, Values, event_in
from app.trace.place import Places, place_in
from app.trace.receipt import Outcome, Position, Receipt
from app.trace.stores import Readable, lines_with, search_logs
from app.worker.records import Clock
from sinks.protocol import Warehouse

LIMIT = 100_000
SINCE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a search by key goes: records of Kafka's logs, and the age of dead letters."""

    records: int = LIMIT
    since: timedelta = SINCE


class Tracer:
    """Writes receipts for events of one type.

    Every method raises `Transient` when a server can not be reached, `Fatal` when one refuses us.
    """

    def __init__(
        self,
        contract: Contract,
        ledger: Ledger,
        objects: Readable,
        warehouse: Warehouse,
        kafka: KafkaOptions,
        pii_key: bytes | None = None,
        limits: Limits = Limits(),
    ) -> None:
        """`pii_key` is needed only where the key lands as a hash."""
        self._places = Places(contract, ledger, objects, warehouse, kafka, pii_key)
        self.keys, self._kind = self._places.keys, self._places.kind
        self._contract, self._limits, self._kafka = contract, limits, kafka
        self._ledger, self._objects, self._warehouse = ledger, objects, warehouse

    async def at(self, position: Position) -> Receipt:
        """Trace a record by its place."""
        found, key = await self._places.follow(position)
        if key is None:
            return found
        original = await self.by(key)
        of = original.of or original.position
        said = f"a duplicate of {of}: {original.said}" if of else "a duplicate of one that is gone"
        return replace(found, said=said, of=of)

    async def by(self, key: Key) -> Receipt:
        """Trace an event by its composite key.

        Where the objects may be read to a limit only (`Bounded`), and it was not found within that,
        the receipt says so.
        """
        table = self._contract.table
        searched = [f"the table {table.name}"]
        if rows := await self._warehouse.find(table, key.texts):
            found = await self._standing(key, rows)
            return replace(found, asked=key.asked, searched=tuple(searched))
        try:
            return await self._elsewhere(key, searched)
        except Exhausted as limit:
            half = searched.pop()
            return Receipt(
                self._contract.event, key.asked, Outcome.UNKNOWN,
                "not found within the limits of this search: `forebay trace` searches all",
                searched=tuple(searched), unsearched=(f"{half}, not to its end: {limit}",),
            )  # fmt: skip

    async def _standing(self, key: Key, rows: Sequence[Mapping[str, object]]) -> Receipt:
        """Rows of this key stand in the table: where do they come from?"""
        first, place = rows[0], place_in(rows[0])
        try:
            found, _ = await self._places.follow(place)
        except Exhausted as limit:
            said = f"it stands in {self._contract.table.name}, day {first['day']}; {limit}"
            return Receipt(self._contract.event, "", Outcome.ROW, said, place, rows=len(rows))
        if found.outcome is Outcome.UNKNOWN:  # its seal is a part of a summary
            said = f"it stands in {self._contract.table.name}, day {first['day']}; {found.said}"
            return replace(found, outcome=Outcome.ROW, said=said, rows=len(rows))
        if found.load is None or not isinstance(day := first["day"], date):
            return found
        try:
            return replace(found, others=await self._collapsed(key, day, place))
        except Exhausted as limit:
            return replace(found, unsearched=(f"other copies of it on {day}: {limit}",))

    async def _elsewhere(self, key: Key, searched: list[str]) -> Receipt:
        """No row of this key stands: it may be anywhere before, or nowhere."""
        event = self._contract.event
        searched.append("what is sealed and not loaded")
        place_found = await self._unloaded(key)
        if place_found is None and self._contract.day.runs:
            searched.append(f"runs that loads of {self._limits.since.days} days left hidden")
            place_found = await self._hidden(key)
        unsearched: list[str] = []
        if place_found is None:
            place_found = await self._in_kafka(key, searched, unsearched)
        if place_found is None:
            days = self._limits.since.days
            searched.append(f"the dead letters of {days} days")
            place_found = await self._dead_letter(key)
        if place_found is not None:
            found, _ = await self._places.follow(place_found)
            return replace(found, asked=key.asked, searched=tuple(searched))
        unsearched.append(f"dead letters older than {self._limits.since.days} days")
        if self._drops:
            unsearched.append("events that a drop_event left out, of which only counts are kept")
        said = "not found: not accepted, older than what was searched, or the key is another one"
        return Receipt(
            event, key.asked, Outcome.UNKNOWN, said,
            searched=tuple(searched), unsearched=tuple(unsearched),
        )  # fmt: skip

    @property
    def _drops(self) -> bool:
        return any(step.do == "drop_event" for step in self._contract.transform)

    async def _collapsed(self, key: Key, day: date, stands: Position) -> tuple[Position, ...]:
        """Other copies among what the day's load took, if it collapsed any at all."""
        load = (await self._ledger.loads(self._contract.event, self._contract.table.name)).get(day)
        if load is None or not load.collapsed:
            return ()
        found: dict[Position, None] = {}
        (manifest,) = await self._ledger.manifest(self._contract.event, [day])
        for stored in manifest.objects:
            if run_of_key(stored.key) == load.shown:
                async for place in self._places_in(stored, key):
                    found[place] = None
        return tuple(place for place in found if place != stands)

    async def _unloaded(self, key: Key) -> Position | None:
        event = self._contract.event
        for waiting in await self._ledger.dirty(event):
            async for seal in self._ledger.seals(event, day=waiting.day):
                for stored in seal.objects if seal.id in waiting.seals else ():
                    if stored.kind is ObjectKind.ROWS and stored.day == waiting.day:
                        async for place in self._places_in(stored, key):
                            return place
        return None

    async def _hidden(self, key: Key) -> Position | None:
        """Of a declared run that is not shown: the newest one of the day that was loaded last."""
        event, since = self._contract.event, datetime.now(UTC) - self._limits.since
        loads = (await self._ledger.loads(event, self._contract.table.name)).values()
        for load in sorted(loads, key=lambda load: load.loaded_at, reverse=True):
            if load.hidden and load.loaded_at >= since:
                (manifest,) = await self._ledger.manifest(event, [load.day])
                objects = sorted(manifest.objects, key=lambda one: run_of_key(one.key))
                for stored in reversed(objects):
                    async for place in self._places_in(stored, key):
                        return place
        return None

    async def _places_in(self, stored: StoredObject, key: Key) -> AsyncIterator[Position]:
        async for seen in lines_with(self._objects, stored.key, key.needles):
            if self.keys.of_line(seen.line) == key.landed:
                yield place_in(seen.line)

    async def _in_kafka(
        self, key: Key, searched: list[str], unsearched: list[str]
    ) -> Position | None:
        """Among what no seal covers: in the key's partition, where the key says which it is."""
        wanted = await self._stretches(key)
        total = sum(max(s.next - s.first, 0) for s in wanted.values())
        limit = self._limits.records

        def is_it(record: Any) -> bool:
            return self._is_it(record, key.landed)

        found, read = await search_logs(self._kafka, wanted, limit, is_it)
        where = f"of {next(iter(wanted))}" if len(wanted) == 1 else f"of {len(wanted)} partitions"
        searched.append(f"{read:,} unread records {where}")
        if not found and read >= limit and total > read:
            unsearched.append(f"{total - read:,} more unread records: raise --limit")
        if not found:
            return None
        tp, record = min(found, key=lambda one: int(one[1].timestamp))
        chains = (await self._ledger.partitions()).get(self._contract.event, ())
        cursors = await self._ledger.cursors([c for c in chains if place_of(c) == tp])
        current = [name for name, cursor in cursors.items() if not cursor.ended]
        return Position(current[-1] if current else tp, record.offset)

    async def _stretches(self, key: Key) -> dict[str, Stretch]:
        contract = self._contract
        numbers: range | list[int] = range(contract.partitions)
        if contract.kafka.key in key.sent:
            kafka_key = self._kind.partition_key(key.sent)
            numbers = [partition_of(kafka_key, contract.partitions)]
        logs = await kafka_logs(self._kafka)([contract.topic])
        chains = (await self._ledger.partitions()).get(contract.event, ())
        cursors = await self._ledger.cursors(list(chains))
        ends = {place_of(tp): c.next for tp, c in cursors.items() if not c.ended}
        names = [partition_name(contract.topic, number) for number in numbers]
        return {
            tp: Stretch(max(ends.get(tp, 0), logs[tp].start), logs[tp].end)
            for tp in names
            if tp in logs
        }

    def _is_it(self, record: Any, wanted: Values) -> bool:
        if record.value is None:
            return False
        try:
            verdict = judge(self._kind, record.value, Clock().received(record).at)
        except Exception:  # a worker makes it a dead letter
            return False
        if isinstance(verdict, Accepted):
            return self.keys.of_row(verdict.row) == wanted
        return self.keys.of_event(event_in(record.value)) == wanted

    async def _dead_letter(self, key: Key) -> Position | None:
        event, last = self._contract.event, datetime.now(UTC).date()
        for back in range(self._limits.since.days + 1):
            day = last - timedelta(days=back)
            async for seal in self._ledger.seals(event, day=day):
                for stored in seal.objects:
                    if stored.kind is ObjectKind.DEAD and stored.day == day:
                        async for seen in lines_with(self._objects, stored.key, ()):
                            sent = event_in(seen.line["value"], base64=True)
                            if self.keys.of_event(sent) == key.landed:
                                return place_in(seen.line, "")
        return None
