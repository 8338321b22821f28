"""The audit, step by step. The order of the steps is what keeps a running system from raising
false alarms: whatever is compared with something that grows was read before it."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime

from app.audit.chains import (
    Topics,
    check_topic,
    compare_with_log,
    is_current,
    read_chain,
    read_incidents,
)
from app.audit.content import read_objects
from app.audit.days import DayFacts, balance_days, facts_without_table, gather_facts
from app.audit.joins import compare_links_with_seals, compare_loads_with_seals
from app.audit.kafka import KafkaLogs, LogEnds
from app.audit.objects import compare_with_store
from app.audit.report import AuditReport, Finding, FindingKind, PartitionBalance, TypeBalance
from app.audit.scratch import Scratch
from app.audit.seals import compare_with_totals, read_seals
from app.contracts.table import Table
from app.core.incarnation import log_name, place_of, topic_of
from app.core.seal import partition_name
from app.ledger.protocol import DayTotals, Ledger
from sinks.protocol import ObjectStore, Warehouse

Progress = Callable[[str, int, int | None], None]
"""Called with the step's name, how much of it is done, and how much there is (None: unknown)."""

Facts = Mapping[str, DayFacts]
Totals = Mapping[date, DayTotals]


@dataclass(frozen=True)
class _Evidence:
    """Where the proof is taken from."""

    ledger: Ledger
    logs: KafkaLogs
    objects: ObjectStore
    warehouse: Warehouse
    tables: Mapping[str, Table]
    topics: Topics
    pause_seconds: float
    progress: Progress


def _silent(step: str, done: int, total: int | None) -> None:
    """Progress that nobody watches."""


async def audit(
    ledger: Ledger,
    logs: KafkaLogs,
    objects: ObjectStore,
    warehouse: Warehouse,
    tables: Mapping[str, Table],
    topics: Topics,
    *,
    deep: bool = False,
    progress: Progress = _silent,
    pause_seconds: float = 0.5,
) -> AuditReport:
    """Prove that nothing was lost and nothing counted twice, or name what does not add up.

    Reads only. `tables` and `topics` are by event, of the topic files there are now; `deep` also
    downloads every object. `pause_seconds` is the wait between readings while a load runs.

    Raises `Transient` when ledger, Kafka, store or warehouse can not be reached.
    """
    evidence = _Evidence(
        ledger, logs, objects, warehouse, tables, topics, pause_seconds, progress
    )  # fmt: skip
    report = AuditReport(datetime.now(UTC), deep)
    with closing(Scratch()) as scratch:
        kinds = await _read_chains(evidence, scratch, report)
        await _ask_kafka(evidence, kinds, report)
        facts = await _balance(evidence, scratch, kinds, report)
        await _walk_seals(evidence, scratch, facts, report)
        scratch.index()
        await _join(evidence, scratch, report)
        await _check_objects(evidence, scratch, report)
    report.types = [kinds[event] for event in sorted(kinds)]
    return report


async def _read_chains(
    evidence: _Evidence, scratch: Scratch, report: AuditReport
) -> dict[str, TypeBalance]:
    partitions = await evidence.ledger.partitions()
    kinds = {
        event: TypeBalance(event, evidence.tables[event].name if event in evidence.tables else None)
        for event in {*partitions, *evidence.tables}
    }
    total = sum(map(len, partitions.values()))
    done = 0
    for event, tps in sorted(partitions.items()):
        cursors = await evidence.ledger.cursors(tps)
        for tp in sorted(tps, key=_by_number):
            seen = await read_chain(
                evidence.ledger, event, tp, cursors.get(tp), scratch, report.found
            )
            kinds[event].partitions.append(seen)
            done += 1
            evidence.progress("chains", done, total)
    await read_incidents(evidence.ledger, report.found)
    return kinds


async def _ask_kafka(
    evidence: _Evidence, kinds: Mapping[str, TypeBalance], report: AuditReport
) -> None:
    known = {topic_of(p.tp) for kind in kinds.values() for p in kind.partitions}
    wanted = {topic for topic, _ in evidence.topics.values()}
    logs = await evidence.logs(known | wanted)
    for event, (topic, partitions) in sorted(evidence.topics.items()):
        check_topic(event, topic, partitions, logs, report.found)
        _add_unread(kinds[event], topic, logs)
    for event, kind in sorted(kinds.items()):
        for seen in kind.partitions:
            log = logs.get(place_of(seen.tp))
            compare_with_log(event, seen, log, report.found)
            if seen.ended:
                _note_once(
                    f"{_log(seen.tp)}: an earlier topic of this name, which was replaced: what "
                    "the ledger has of it is proved, and what was lost of it is a finding.",
                    report,
                )
            elif log is None:
                _note_missing(event, seen.tp, topic_of(seen.tp) in wanted, report)


def _add_unread(kind: TypeBalance, topic: str, logs: Mapping[str, LogEnds]) -> None:
    """Partitions that Kafka has and no worker has begun are in flight, not lost."""
    begun = {place_of(p.tp) for p in kind.partitions}
    read = {
        place_of(p.tp)
        for p in kind.partitions
        if place_of(p.tp) in logs and is_current(p, logs[place_of(p.tp)])
    }
    for tp in sorted((tp for tp in logs if topic_of(tp) == topic), key=_by_number):
        if tp not in read:
            log = log_name(topic, logs[tp].topic_id if tp in begun else "")
            kind.partitions.append(PartitionBalance(partition_name(log, _by_number(tp)[1])))


def _note_missing(event: str, tp: str, current: bool, report: AuditReport) -> None:
    if current:
        report.found.add(
            Finding(
                FindingKind.TOPIC_MISSING,
                f"{tp}: the ledger has read it, Kafka does not have it; if it was deleted before "
                "it was read to its end, the rest is lost. Give the event a new version.",
                event=event,
                tp=tp,
            )
        )
        return
    _note_once(
        f"{_log(tp)}: an older version's topic, which Kafka no longer has: what the ledger has of "
        "it is proved, whether it was read to its end is not.",
        report,
    )


def _note_once(note: str, report: AuditReport) -> None:
    if note not in report.notes:  # one for all its partitions
        report.notes.append(note)


async def _balance(
    evidence: _Evidence, scratch: Scratch, kinds: Mapping[str, TypeBalance], report: AuditReport
) -> dict[str, DayFacts]:
    facts: dict[str, DayFacts] = {}
    for done, event in enumerate(sorted(kinds), 1):
        table = evidence.tables.get(event)
        if table is None:
            found = await facts_without_table(evidence.ledger, event)
            report.found.add(_no_contract(event))
        else:
            found = await gather_facts(
                evidence.ledger, evidence.warehouse, table, evidence.pause_seconds
            )
        kinds[event].days = balance_days(found, scratch, report.found)
        facts[event] = found
        evidence.progress("days", done, len(kinds))
    return facts


def _no_contract(event: str) -> Finding:
    return Finding(
        FindingKind.NO_CONTRACT,
        f"{event}: the ledger has seals of it, but there is no topic file, so its table can not "
        "be compared; put the file back, with no app sending it if it is retired.",
        event=event,
    )


async def _walk_seals(
    evidence: _Evidence, scratch: Scratch, facts: Facts, report: AuditReport
) -> None:
    report.seals, sums = await read_seals(
        evidence.ledger, scratch, report.found, lambda n: evidence.progress("seals", n, None)
    )
    for event in sorted({*facts, *(name for name, _ in sums)}):
        before: Totals = facts[event].totals if event in facts else {}
        after = {t.day: t for t in await evidence.ledger.totals(event)}
        compare_with_totals(event, before, sums, after, report.found)


async def _join(evidence: _Evidence, scratch: Scratch, report: AuditReport) -> None:
    tps = {tp for found in (await evidence.ledger.partitions()).values() for tp in found}
    later = await evidence.ledger.cursors(tps)
    ends = dict(scratch.rows("SELECT tp, MAX(next) FROM links GROUP BY tp"))
    compare_links_with_seals(scratch, ends, later, report.found)
    compare_loads_with_seals(scratch, report.found)


async def _check_objects(evidence: _Evidence, scratch: Scratch, report: AuditReport) -> None:
    evidence.progress("objects", 0, None)
    report.objects, strays = await compare_with_store(
        evidence.objects, scratch, {*evidence.tables}, report.found
    )
    if strays:
        more = ", …" if report.objects.strays > len(strays) else ""
        report.notes.append(
            f"{report.objects.strays} objects ({report.objects.stray_bytes} bytes) are named by "
            f"no seal: {', '.join(strays)}{more}. They belong to seals still open or to attempts "
            "that failed, and the janitor removes them: no event is lost."
        )
    if report.deep:
        report.objects.read = await read_objects(
            evidence.objects,
            scratch,
            report.found,
            lambda n: evidence.progress("content", n, report.objects.named),
        )


def _log(tp: str) -> str:
    return tp.rsplit("/", 1)[0]


def _by_number(tp: str) -> tuple[str, int]:
    topic, number = tp.rsplit("/", 1)
    return topic, int(number)
