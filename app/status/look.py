"""Ask Kafka and the ledger how each type is doing: a few questions for all types together."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from app.contracts.model import Kafka
from app.contracts.table import Table
from app.core.incarnation import place_of, topic_id_of, topic_of
from app.core.seal import Seal, partition_name, topic_and_number
from app.kafka import KafkaOptions
from app.kafka_group import partitions_read
from app.kafka_logs import LogEnds, kafka_logs
from app.kafka_records import Found, Stretch, look_at
from app.ledger.protocol import Cursor, Ledger
from app.ledger.summary import Summary
from app.status.verdict import Seen, Status, Unloaded, Unread, judged
from app.worker.records import Clock

NEWEST = 2
"""Offsets at the end of a log that are looked at: the last one may be a transaction's marker."""
AT_ONCE = 8

Now = Callable[[], datetime]


class Watched(Protocol):
    """What is to be known of an event type; a contract says it, and much more."""

    @property
    def event(self) -> str: ...
    @property
    def topic(self) -> str: ...
    @property
    def partitions(self) -> int: ...
    @property
    def objective(self) -> timedelta | None: ...
    @property
    def kafka(self) -> Kafka: ...
    @property
    def table(self) -> Table: ...


@dataclass(frozen=True, slots=True)
class Sight:
    """The status of each type, the worst first, and how many offsets of each partition no seal
    covers: by event and number."""

    statuses: list[Status]
    unread: Mapping[tuple[str, int], int]


def utc_now() -> datetime:
    return datetime.now(UTC)


async def statuses(
    kafka: KafkaOptions,
    group: str,
    ledger: Ledger,
    contracts: Sequence[Watched],
    now: Now = utc_now,
) -> list[Status]:
    """The status of each type, the worst first; as `look`."""
    return (await look(kafka, group, ledger, contracts, now)).statuses


async def look(
    kafka: KafkaOptions,
    group: str,
    ledger: Ledger,
    contracts: Sequence[Watched],
    now: Now = utc_now,
) -> Sight:
    """Look at all these types once. `group` is the workers' consumer group.

    Raises:
        Transient: Kafka or the ledger can not be reached.
        Fatal: one of them refuses us.
    """
    logs = await kafka_logs(kafka)({contract.topic for contract in contracts})
    places = {contract.event: _places(contract, logs) for contract in contracts}
    # The ends were read before, so a chain that grew meanwhile can only make less unread.
    ends = await _chain_ends(ledger, contracts, logs)
    unread = {tp: _unread(log, ends.get(tp)) for tp, log in logs.items()}
    newest = {tp: Stretch(max(log.start, log.end - NEWEST), log.end) for tp, log in logs.items()}
    first, last = await look_at(kafka, unread), await look_at(kafka, newest)
    unloaded = await _unloaded(ledger, contracts)
    pauses = await ledger.pauses()
    at = now()
    seen = [
        Seen(
            event=contract.event,
            topic=contract.topic,
            objective=contract.objective,
            kept=timedelta(days=contract.kafka.retention_days),
            at=at,
            in_kafka=bool(places[contract.event]),
            ever=any(logs[tp].end > 0 for tp in places[contract.event]),
            last_arrival=_newest(places[contract.event], last),
            unread=_oldest(places[contract.event], unread, first),
            unloaded=unloaded[contract.event],
            paused=tuple(pause for pause in pauses if pause.event == contract.event),
        )
        for contract in contracts
    ]
    explained = await _explained(kafka, group, ledger, contracts, seen, unread, ends)
    lag = {
        (event, topic_and_number(tp)[1]): max(unread[tp].next - unread[tp].first, 0)
        for event, tps in places.items()
        for tp in tps
    }
    return Sight(sorted(map(judged, explained), key=lambda status: status.rank), lag)


def _places(contract: Watched, logs: Mapping[str, LogEnds]) -> list[str]:
    names = (partition_name(contract.topic, n) for n in range(contract.partitions))
    return [tp for tp in names if tp in logs]


async def _chain_ends(
    ledger: Ledger, contracts: Sequence[Watched], logs: Mapping[str, LogEnds]
) -> dict[str, tuple[str, Cursor]]:
    """By Kafka's partition: the name and the end of the chain that goes on in it."""
    chains = await ledger.partitions()
    topics = {contract.topic for contract in contracts}
    names = [tp for tps in chains.values() for tp in tps if topic_of(tp) in topics]
    cursors = await ledger.cursors(names)
    return {
        place_of(tp): (tp, cursor)
        for tp, cursor in cursors.items()
        if (log := logs.get(place_of(tp))) is not None
        and not cursor.ended
        and topic_id_of(cursor.topic_id) in ("", log.topic_id)
    }


def _unread(log: LogEnds, end: tuple[str, Cursor] | None) -> Stretch:
    return Stretch(log.start if end is None else max(end[1].next, log.start), log.end)


def _oldest(
    places: Sequence[str], unread: Mapping[str, Stretch], found: Mapping[str, Found]
) -> Unread:
    clock = Clock()
    received = {tp: clock.received(found[tp].first).at for tp in places if tp in found}
    records = sum(max(unread[tp].next - unread[tp].first, 0) for tp in received)
    if not received:
        return Unread()
    oldest = min(received, key=lambda tp: received[tp])
    return Unread(records, received[oldest], oldest)


def _newest(places: Sequence[str], found: Mapping[str, Found]) -> datetime | None:
    clock = Clock()
    moments = (clock.received(found[tp].last).at for tp in places if tp in found)
    return max(moments, default=None)


async def _unloaded(ledger: Ledger, contracts: Sequence[Watched]) -> dict[str, Unloaded]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def of(contract: Watched) -> Unloaded:
        async with gate:
            dirty = await ledger.dirty(contract.event)
        return Unloaded(len(dirty), min((day.oldest_sealed_at for day in dirty), default=None))

    found = await asyncio.gather(*map(of, contracts))
    return {contract.event: one for contract, one in zip(contracts, found, strict=True)}


async def _explained(
    kafka: KafkaOptions,
    group: str,
    ledger: Ledger,
    contracts: Sequence[Watched],
    seen: Sequence[Seen],
    unread: Mapping[str, Stretch],
    ends: Mapping[str, tuple[str, Cursor]],
) -> list[Seen]:
    """Ask more of those that are behind: who reads them, when they were last sealed or loaded."""
    late = [one for one in seen if one.objective and one.behind and one.behind > one.objective]
    if not late:
        return list(seen)
    read = await partitions_read(kafka, group)
    tables = {contract.event: contract for contract in contracts}
    more: dict[str, Seen] = {}
    for one in late:
        if one.waits_in_kafka:
            waiting = (
                tp for tp, s in unread.items() if topic_of(tp) == one.topic and s.first < s.next
            )
            nobody = tuple(tp for tp in waiting if tp not in read)
            sealed_at = await _sealed_at(ledger, ends.get(one.unread.tp))
            of_kafka = replace(one.unread, sealed_at=sealed_at, unassigned=nobody)
            more[one.event] = replace(one, unread=of_kafka)
        else:
            loads = await ledger.loads(one.event, tables[one.event].table.name)
            last = max((load.loaded_at for load in loads.values()), default=None)
            more[one.event] = replace(one, unloaded=replace(one.unloaded, loaded_at=last))
    return [more.get(one.event, one) for one in seen]


async def _sealed_at(ledger: Ledger, end: tuple[str, Cursor] | None) -> datetime | None:
    if end is None:
        return None
    tp, cursor = end
    entry = await ledger.entry_at(tp, cursor.next - 1)
    if isinstance(entry, Summary):
        return entry.sealed_to
    return entry.sealed_at if isinstance(entry, Seal) else None
