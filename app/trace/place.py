"""Follow one record from its place: its seal, its line, the load that named the seal, its row."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from secrets import token_bytes
from typing import Any

from app.contracts.compile import compile_contract
from app.contracts.model import Contract
from app.core.incarnation import place_of, topic_of
from app.core.judge import Accepted, Filtered, judge
from app.core.pii import MIN_KEY_BYTES
from app.core.reruns import RunState, is_shown, states
from app.core.seal import ObjectKind, Seal, partition_name, run_of_key
from app.kafka import KafkaOptions
from app.kafka_logs import LogEnds, kafka_logs
from app.kafka_records import Stretch, look_at
from app.ledger.protocol import DayLoad, Incident, Ledger
from app.ledger.summary import Summary
from app.trace.key import Key, Keys
from app.trace.receipt import Letter, Line, Load, Outcome, Position, Receipt, Sealed
from app.trace.stores import Readable, lines_with
from app.worker.records import Clock
from sinks.protocol import Warehouse


class Places:
    """Follows records of one event type."""

    def __init__(
        self,
        contract: Contract,
        ledger: Ledger,
        objects: Readable,
        warehouse: Warehouse,
        kafka: KafkaOptions,
        pii_key: bytes | None,
    ) -> None:
        self.keys = Keys(contract, pii_key)
        # A key that nobody knows hashes as well, where the hashes are not looked at.
        self.kind = compile_contract(contract, pii_key or token_bytes(MIN_KEY_BYTES))
        self._contract, self._kafka = contract, kafka
        self._ledger, self._objects, self._warehouse = ledger, objects, warehouse

    async def follow(self, position: Position) -> tuple[Receipt, Key | None]:
        """The receipt of a record; with the key to look for where it is only a copy."""
        asked = Receipt(self._contract.event, str(position), Outcome.UNKNOWN, "", position)
        entry = await self._ledger.entry_at(position.tp, position.offset)
        if isinstance(entry, Incident):
            said = f"it can not be read any more: {entry.what} (incident {entry.id})"
            return replace(asked, outcome=Outcome.LOST, said=said), None
        if isinstance(entry, Summary):
            said = (
                f"one of {entry.seals:,} old seals has it, of {entry.sealed_from:%Y-%m-%d} to "
                f"{entry.sealed_to:%Y-%m-%d}, of which the ledger keeps the sums alone: only by "
                "its key can a row be found"
            )
            return replace(asked, said=said), None
        if entry is None:
            return await self._unread(asked, position), None
        return await self._in_seal(asked, position, entry)

    async def _unread(self, asked: Receipt, position: Position) -> Receipt:
        """Beyond the chain's end, before its start, or nowhere."""
        tp = place_of(position.tp)
        cursor = (await self._ledger.cursors([position.tp])).get(position.tp)
        log = await self._log(tp)
        if log is None:
            return replace(asked, said=f"Kafka has no partition {tp}")
        if position.offset >= log.end:
            return replace(asked, said=f"Kafka's log ends at {log.end}: there is no such record")
        if cursor is not None and position.offset < cursor.next:
            start = (await self._ledger.starts([position.tp])).get(position.tp, 0)
            return replace(asked, said=f"the chain of {position.tp} begins at {start}")
        if position.offset < log.start:
            said = f"Kafka's log begins at {log.start}, and no seal has it"
            return replace(asked, outcome=Outcome.LOST, said=said)
        record = await self._record(position)
        waiting = position.offset - (cursor.next if cursor is not None else log.start)
        return replace(
            asked,
            outcome=Outcome.UNREAD,
            said=f"Kafka has it, and no seal yet: {waiting:,} records are before it",
            received_at=None if record is None else Clock().received(record).at,
        )

    async def _in_seal(
        self, asked: Receipt, position: Position, seal: Seal
    ) -> tuple[Receipt, Key | None]:
        asked = replace(asked, sealed=Sealed(seal.id, seal.sealed_at, seal.worker))
        rows = [stored for stored in seal.objects if stored.kind is ObjectKind.ROWS]
        needle = b'"_offset":%d,' % position.offset
        for stored in rows:
            lines = [
                seen
                async for seen in lines_with(self._objects, stored.key, [needle])
                if _is_at(position, seen.line, "_topic", "_partition", "_offset")
            ]
            if lines:
                values = tuple(seen.line for seen in lines)
                line = Line(stored.key, lines[0].number, len(lines), stored.day, values)
                received = datetime.fromisoformat(values[0]["_received_at"])
                return await self._loaded(replace(asked, line=line, received_at=received)), None
        for stored in seal.objects:
            if stored.kind is ObjectKind.DEAD:
                needle = b'"offset":%d,' % position.offset
                async for seen in lines_with(self._objects, stored.key, [needle]):
                    if _is_at(position, seen.line, "topic", "partition", "offset"):
                        line = Line(stored.key, seen.number, 1, stored.day, (seen.line,))
                        return await self._letter(replace(asked, line=line), seen.line), None
        return await self._left_out(asked, position, seal)

    async def _loaded(self, found: Receipt) -> Receipt:
        """Its lines are in an object: has a load named the seal, and does the row stand?"""
        assert found.line is not None
        assert found.sealed is not None
        assert found.position is not None
        line, table = found.line, self._contract.table
        load = (await self._ledger.loads(found.event, table.name)).get(line.day)
        if load is None or found.sealed.id not in load.seals:
            said = f"it is sealed, and waits for the next load of {line.day}"
            return replace(found, outcome=Outcome.SEALED, said=said)
        found = replace(found, load=Load(load.run, table.name, line.day, load.loaded_at))
        if table.runs and (said := await self._why_hidden(found.event, line, load)):
            return replace(found, outcome=Outcome.HIDDEN, said=said)
        key = Key("", {}, self.keys.of_line(line.values[0]))
        rows = [r for r in await self._warehouse.find(table, key.texts) if r["day"] == line.day]
        places = {place_in(row) for row in rows}
        if found.position in places:
            count = sum(place_in(row) == found.position for row in rows)
            what = "1 row stands" if count == 1 else f"{count} rows stand"
            said = f"{what} in {table.name}, day {line.day}"
            return replace(found, outcome=Outcome.ROW, said=said, rows=count)
        if places:
            of = min(places, key=str)
            said = f"the load kept another copy of the event, {of}"
            return replace(found, outcome=Outcome.COLLAPSED, said=said, of=of)
        return replace(
            found,
            outcome=Outcome.LOST,
            said=f"load {load.run} brought it, and the table has it no more: `forebay audit` says "
            "whether more is missing",
        )

    async def _why_hidden(self, event: str, line: Line, load: DayLoad) -> str:
        """Which declared run it is of, if that is not the one shown; empty: it is."""
        runs = {run.id: run for run in await self._ledger.reruns(event, [line.day])}
        if is_shown(line.object, load.shown, runs, load.seals):
            return ""
        own = run_of_key(line.object)
        instead = f"the day shows run {load.shown}" if load.shown else "none is complete"
        if own == load.shown:
            return f"it came after run {own} was complete"
        state = states(runs.values()).get(own, RunState.UNKNOWN)
        of = f"run {own} ({state})" if own else "no run"
        return f"it is of {of}, which is not shown: {instead}"

    async def _letter(self, found: Receipt, line: Mapping[str, Any]) -> Receipt:
        letter = Letter(line["reason"], line["field"], line["message"])
        said = f"it is a dead letter: {letter.reason}: {letter.message}"
        async for done in self._ledger.disposals(found.event):
            assert found.position is not None
            if found.position.offset in done.letters.get(found.position.tp, ()):
                said += f"; {done.fate} {done.at:%Y-%m-%d %H:%M} UTC: {done.why}"
        received = datetime.fromisoformat(line["received_at"])
        return replace(
            found, outcome=Outcome.DEAD_LETTER, said=said, letter=letter, received_at=received
        )

    async def _left_out(
        self, asked: Receipt, position: Position, seal: Seal
    ) -> tuple[Receipt, Key | None]:
        """The seal accounts for it and has no line of it: a duplicate, or left out on purpose."""
        record = await self._record(position)
        if record is None or record.value is None:
            return _guessed(asked, seal), None
        received = Clock().received(record).at
        asked = replace(asked, received_at=received)
        verdict = judge(self.kind, record.value, received)
        if isinstance(verdict, Filtered):
            said = f"its topic file leaves it out: {verdict.why}"
            return replace(asked, outcome=Outcome.FILTERED, said=said), None
        if not isinstance(verdict, Accepted):
            said = "its seal has no line of it, and today's topic file would reject it"
            return replace(asked, said=said), None
        if not verdict.rows:
            said = "it makes no row: the list that becomes rows is empty"
            return replace(asked, outcome=Outcome.FILTERED, said=said), None
        key = Key("", {}, self.keys.of_row(verdict.row))
        return replace(asked, outcome=Outcome.DUPLICATE, said="a duplicate"), key

    async def _log(self, tp: str) -> LogEnds | None:
        return (await kafka_logs(self._kafka)([topic_of(tp)])).get(tp)

    async def _record(self, position: Position) -> Any:
        """What Kafka has there; None when it is gone, or of a topic that was replaced."""
        tp = place_of(position.tp)
        if await self._log(tp) is None:
            return None
        here = Stretch(position.offset, position.offset + 1)
        found = (await look_at(self._kafka, {tp: here})).get(tp)
        return None if found is None else found.first


def _guessed(asked: Receipt, seal: Seal) -> Receipt:
    """What can be said of a record that Kafka has no more, by what its seal counted."""
    duplicates, filtered = seal.total("duplicates"), seal.total("filtered")
    said = (
        f"its seal counts {duplicates:,} duplicates and {filtered:,} events that were left out; "
        "Kafka has the record no more, so nobody can say of what it was a copy"
    )
    outcome = Outcome.UNKNOWN
    if bool(duplicates) != bool(filtered):
        outcome = Outcome.DUPLICATE if duplicates else Outcome.FILTERED
    return replace(asked, outcome=outcome, said=said)


def place_in(line: Mapping[str, Any], before: str = "_") -> Position:
    """Of a line, a row or, with `before` empty, a dead letter."""
    topic, partition = line[f"{before}topic"], line[f"{before}partition"]
    return Position(partition_name(topic, partition), line[f"{before}offset"])


def _is_at(position: Position, line: Mapping[str, Any], *names: str) -> bool:
    topic, partition, offset = (line.get(name) for name in names)
    return f"{topic}/{partition}" == position.tp and offset == position.offset
