"""The audit, step by step. The order of the steps is what keeps a running system from raising
false alarms: whatever is compared with something that grows was read before it."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from app.audit.chains import Topics, find_lost_chains, read_chain, read_incidents
from app.audit.content import read_objects
from app.audit.days import DayFacts, balance_days, facts_without_table, gather_facts
from app.audit.hidden import name_hidden
from app.audit.joins import compare_links_with_seals, compare_loads_with_seals
from app.audit.letters import balance_letters, count_disposed
from app.audit.logs import compare_with_kafka
from app.audit.memory import keep, open_scratch
from app.audit.objects import compare_with_store, folders, top_folders
from app.audit.old_seals import name_stranded, tell_summarised
from app.audit.prints import Difference, PrintsSeen, compare_prints, name_differences
from app.audit.report import AuditReport, Finding, FindingKind, TypeBalance
from app.audit.scratch import Scratch
from app.audit.seals import all_counted, compare_with_totals, read_seals
from app.audit.shelves import also_to_be_read, forget_changed, forget_seals, read_links
from app.audit.standing import StandingRows
from app.contracts.table import Table
from app.core.errors import Transient
from app.core.seal import topic_and_number
from app.kafka_logs import KafkaLogs
from app.ledger.protocol import DayTotals, Ledger
from sinks.protocol import ObjectStore, Warehouse

Progress = Callable[[str, int, int | None], None]
"""Called with the step's name, how much of it is done, and how much there is (None: unknown)."""

Totals = Mapping[date, DayTotals]

ATTEMPTS = 3
"""Proofs that are begun anew because old seals were summarised while they were read."""


@dataclass(frozen=True)
class _Evidence:
    """Where the proof is taken from. `quick` leaves days alone that did not change."""

    ledger: Ledger
    logs: KafkaLogs
    objects: ObjectStore
    warehouse: Warehouse
    tables: Mapping[str, Table]
    topics: Topics
    pause_seconds: float
    progress: Progress
    quick: bool


@dataclass
class _Found:
    """What the steps hand on to each other: facts, fingerprints that differ, shelves to be read."""

    kinds: dict[str, TypeBalance]
    facts: dict[str, DayFacts] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    digests: Mapping[str, str] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)


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
    quick: bool = False,
    memory: Path | None = None,
    progress: Progress = _silent,
    pause_seconds: float = 0.5,
) -> AuditReport:
    """Prove that nothing was lost and nothing counted twice, or name what does not add up.

    Reads only. `tables` and `topics` are by event, of the topic files there are now; `deep` also
    downloads every object. In the file `memory` stays what was read of the ledger, so that the
    next audit reads only what has changed since. With `quick` objects are listed, and rows
    compared, only of days that have changed since the audit before, which must have been one with
    this `memory`. `pause_seconds` is the wait between readings while a load runs.

    Raises `Transient` when ledger, Kafka, store or warehouse can not be reached.
    """
    evidence = _Evidence(
        ledger, logs, objects, warehouse, tables, topics, pause_seconds, progress, quick
    )  # fmt: skip
    for _ in range(ATTEMPTS):
        summaries = await ledger.summary_count()
        report = AuditReport(datetime.now(UTC), deep, quick=quick)
        with closing(open_scratch(memory, report.notes)) as scratch:
            await _prove(evidence, scratch, report)
            if await ledger.summary_count() == summaries:
                keep(scratch, report.notes)
                return report
        progress("again, for old seals were summarised meanwhile", 0, None)
    raise Transient("the janitor summarised old seals during each reading; run the audit again")


async def _prove(evidence: _Evidence, scratch: Scratch, report: AuditReport) -> None:
    fates = await count_disposed(evidence.ledger)
    found = await _balance(evidence, scratch, report)
    await _read_chains(evidence, scratch, found, report)
    await compare_with_kafka(
        evidence.logs, evidence.topics, evidence.ledger, found.kinds, scratch, report
    )
    await _read_seals(evidence, scratch, found, report)
    await _join(evidence, scratch, report)
    name_hidden(found.facts, scratch, report)
    await _check_objects(evidence, scratch, found, report)
    if report.deep:
        await _look_deep(evidence, scratch, found, report)
    balance_letters(fates, found.kinds, report)
    name_differences(found.differences, scratch, report.found)
    name_stranded(found.kinds, scratch, report.found)
    tell_summarised(scratch, report)
    report.types = [found.kinds[event] for event in sorted(found.kinds)]


async def _read_chains(
    evidence: _Evidence, scratch: Scratch, found: _Found, report: AuditReport
) -> None:
    ledger = evidence.ledger
    partitions = await ledger.partitions()
    for event in partitions:
        found.kinds.setdefault(event, TypeBalance(event, None))
    cursors = {event: await ledger.cursors(tps) for event, tps in partitions.items()}
    hints = await ledger.hints()
    found.digests = await ledger.digests()
    found.unread = forget_changed(scratch, found.digests)
    report.reading.shelves = len(found.digests)
    report.reading.entries += await read_links(ledger, found.unread, scratch)
    scratch.index("links")
    total = sum(map(len, partitions.values()))
    done = 0
    for event, tps in sorted(partitions.items()):
        for tp in sorted(tps, key=topic_and_number):
            cursor, hint = cursors[event].get(tp), (hints or {}).get(tp, 0)
            seen = await read_chain(ledger, event, tp, cursor, scratch, report.found, hint)
            if hints is not None and cursor is not None and tp not in hints:
                report.notes.append(
                    f"{tp}: the hint where this chain ends was removed, or could not be written. "
                    "Nothing depends on it: the next seal writes it again."
                )
            found.kinds[event].partitions.append(seen)
            done += 1
            evidence.progress("chains", done, total)
    find_lost_chains(scratch, {tp for tps in partitions.values() for tp in tps}, report.found)
    await read_incidents(ledger, report.found, report.notes)


async def _balance(evidence: _Evidence, scratch: Scratch, report: AuditReport) -> _Found:
    found = _Found({})
    unprinted = unrecorded = 0
    events = sorted({*await evidence.ledger.partitions(), *evidence.tables})
    for done, event in enumerate(events, 1):
        table = evidence.tables.get(event)
        kind = found.kinds[event] = TypeBalance(event, table.name if table else None)
        if table is None:
            facts = await facts_without_table(evidence.ledger, event)
            report.found.add(_no_contract(event))
            seen = PrintsSeen()
        else:
            facts = await gather_facts(
                evidence.ledger, evidence.warehouse, table, evidence.pause_seconds
            )
            seen = await compare_prints(
                evidence.warehouse, facts, scratch, report.found, quick=evidence.quick
            )
        named = {one.day for one in seen.differences}
        kind.days = balance_days(facts, scratch, report.found, named)
        found.facts[event] = facts
        found.differences += seen.differences
        unprinted += seen.unprinted
        unrecorded += len(facts.unrecorded)
        evidence.progress("days", done, len(events))
    if unrecorded:
        report.notes.append(
            f"{unrecorded} days were loaded by a run that died before the ledger heard of it: what "
            "LOAD_CONTROL says was compared; their next load records it."
        )
    if unprinted:
        report.notes.append(
            f"{unprinted} days were loaded without leaving a fingerprint, by an older version: "
            "their rows are counted, and compared with what an audit saw before, no more; "
            "`forebay load --from …` replaces them."
        )
    return found


def _no_contract(event: str) -> Finding:
    return Finding(
        FindingKind.NO_CONTRACT,
        f"{event}: the ledger has seals of it, but there is no topic file, so its table can not "
        "be compared; put the file back, with no app sending it if it is retired.",
        event=event,
    )


async def _read_seals(
    evidence: _Evidence, scratch: Scratch, found: _Found, report: AuditReport
) -> None:
    late = also_to_be_read(scratch) - found.unread
    for shelf in late:
        forget_seals(scratch, shelf)
    found.unread |= late
    report.reading.shelves_read = len(found.unread)
    report.reading.entries += await read_seals(
        evidence.ledger,
        {shelf: found.digests.get(shelf) for shelf in found.unread},
        scratch,
        report.found,
        lambda n: evidence.progress("seals", n, None),
    )
    scratch.index("seals")
    ((report.seals,),) = scratch.rows("SELECT COALESCE(SUM(seals), 0) FROM shelves")
    sums, facts = all_counted(scratch), found.facts
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


async def _check_objects(
    evidence: _Evidence, scratch: Scratch, found: _Found, report: AuditReport
) -> None:
    evidence.progress("objects", 0, None)
    prefixes = (
        folders(scratch, found.unread)
        if evidence.quick
        else top_folders(scratch, {*evidence.tables})
    )
    report.objects, strays = await compare_with_store(
        evidence.objects, scratch, prefixes, report.found
    )
    if strays:
        more = ", …" if report.objects.strays > len(strays) else ""
        report.notes.append(
            f"{report.objects.strays} objects ({report.objects.stray_bytes} bytes) are named by "
            f"no seal: {', '.join(strays)}{more}. They belong to seals still open or to attempts "
            "that failed, and the janitor removes them: no event is lost."
        )


async def _look_deep(
    evidence: _Evidence, scratch: Scratch, found: _Found, report: AuditReport
) -> None:
    """Read all objects; what that names of the rows need not be deduced."""
    standing = StandingRows(evidence.warehouse, found.facts, scratch, report.found)
    report.objects.read = await read_objects(
        evidence.objects,
        scratch,
        standing,
        report.found,
        lambda n: evidence.progress("content", n, None),
    )
    found.differences = [
        one for one in found.differences if (one.event, one.day, one.tp) not in standing.named
    ]
