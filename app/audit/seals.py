"""The seals one by one: does each add up, and do all of them add up to the ledger's totals?"""

from collections.abc import Callable, Mapping
from datetime import date

from app.audit.report import Finding, FindingKind, Findings
from app.audit.scratch import Scratch
from app.core.seal import COUNTED, HELD, DayCounts, Seal, rows_by_day
from app.ledger.protocol import DayTotals, Ledger
from app.ledger.summary import Summary

Sums = dict[tuple[str, date], DayCounts]

ALL_COUNTED = """
SELECT event, day, SUM(staged), SUM(duplicates), SUM(dead), SUM(filtered), SUM(rows)
FROM counted GROUP BY event, day
"""


async def read_seals(
    ledger: Ledger,
    shelves: Mapping[str, str | None],
    scratch: Scratch,
    findings: Findings,
    progress: Callable[[int], None],
) -> int:
    """Read the seals and summaries of these shelves, given with their digests; return how many
    seals there are.

    A shelf on which everything adds up need not be read again as long as its digest is the same.
    """
    count = 0
    for shelf, digest in sorted(shelves.items()):
        sums: Sums = {}
        sound, seals = True, 0
        async for shelved in ledger.shelved(shelf):
            seals, seal = seals + 1, shelved.seal
            if problems := [*seal.problems(), *shelved.problems]:
                sound = False
                findings.add(_finding(seal, problems))
            _take(seal, shelf, sums, scratch)
            if (count + seals) % 100 == 0:
                progress(count + seals)
        async for found in ledger.summaries(shelf):
            if problems := [*found.summary.problems(), *found.problems]:
                sound = False
                findings.add(_of_summary(found.summary, problems))
            _take_summary(found.summary, shelf, sums, scratch)
        for (event, day), c in sums.items():
            scratch.add(
                "counted", shelf, event, day.isoformat(), *(getattr(c, name) for name in COUNTED)
            )
        scratch.add("shelves", shelf, digest if sound else None, seals)
        count += seals
    return count


def _take(seal: Seal, shelf: str, sums: Sums, scratch: Scratch) -> None:
    for day, counts in seal.days.items():
        sums[seal.event, day] = sums.get((seal.event, day), DayCounts()) + counts
    for r in seal.ranges:
        scratch.add("ranges", shelf, r.tp, r.first, r.next, r.records, seal.id, seal.event)
    for o in seal.objects:
        scratch.add(
            "objects", shelf, o.key, seal.event, o.day.isoformat(), o.kind.value, o.rows, o.bytes,
            o.sha256, o.etag, seal.id,
        )  # fmt: skip


def _take_summary(summary: Summary, shelf: str, sums: Sums, scratch: Scratch) -> None:
    event = summary.event
    for day, counts in summary.days.items():
        sums[event, day] = sums.get((event, day), DayCounts()) + counts
    for r in summary.ranges:
        scratch.add("ranges", shelf, r.tp, r.first, r.next, r.records, summary.id, event)
    for day, of_day in summary.rows.items():
        for seal, rows in of_day.items():
            scratch.add("summed", shelf, event, day.isoformat(), seal, rows)


def all_counted(scratch: Scratch) -> Sums:
    """What all seals counted, by event and day."""
    return {
        (event, date.fromisoformat(day)): DayCounts(*counts)
        for event, day, *counts in scratch.rows(ALL_COUNTED)
    }


def compare_with_totals(
    event: str,
    before: Mapping[date, DayTotals],
    sums: Sums,
    after: Mapping[date, DayTotals],
    findings: Findings,
) -> None:
    """Each count of the walk lies between the totals read before and after it; while no seal is
    written, that means it is equal."""
    days = {day for name, day in sums if name == event} | set(after)
    for day in sorted(days):
        low, high = (_counts(totals, day) for totals in (before, after))
        walked = sums.get((event, day), DayCounts())
        for what in COUNTED:
            least, n, most = (getattr(counts, what) for counts in (low, walked, high))
            if not least <= n <= most:
                findings.add(
                    Finding(
                        FindingKind.TOTALS,
                        f"{event} {day}: the seals add up to {n} {what}, the ledger's totals say "
                        f"{most}: one of the ledger's documents was changed or removed; restore "
                        "it from the ledger's backup.",
                        event=event,
                        day=day,
                    )
                )


def _counts(totals: Mapping[date, DayTotals], day: date) -> DayCounts:
    return totals[day].counts if day in totals else DayCounts()


def _finding(seal: Seal, problems: list[str]) -> Finding:
    days = _wrong_days(seal) or (list(seal.days) if len(seal.days) == 1 else [])
    spans = [r for r in seal.ranges if not 0 <= r.records <= r.next - r.first] or seal.ranges
    at = spans[0] if len(spans) == 1 else None
    on = f" {days[0]}" if days else ""
    where = ", ".join(f"{r.tp} {r.first}–{r.next - 1}" for r in seal.ranges)
    return Finding(
        FindingKind.SEAL,
        f"seal {seal.id} of {seal.event}{on} ({where}) does not add up: {'; '.join(problems)}. "
        "It was changed after it was written; restore it from the ledger's backup.",
        event=seal.event,
        day=days[0] if days else None,
        tp=at.tp if at else None,
        first=at.first if at else None,
        next=at.next if at else None,
        seal=seal.id,
    )


def _of_summary(summary: Summary, problems: list[str]) -> Finding:
    return Finding(
        FindingKind.SEAL,
        f"the summary {summary.id} of {summary.seals} seals of {summary.event} does not add up: "
        f"{'; '.join(problems)}. It was changed after it was written; restore it from the "
        "ledger's backup.",
        event=summary.event,
        seal=summary.id,
    )


def _wrong_days(seal: Seal) -> list[date]:
    wrong: set[date] = set()
    for kind, what in HELD.items():
        stored = rows_by_day(seal.objects, kind)
        wrong |= {
            day
            for day in {*stored, *seal.days}
            if stored.get(day, 0) != getattr(seal.days.get(day, DayCounts()), what)
        }
    return sorted(wrong)
