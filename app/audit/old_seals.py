"""Days of which the ledger has summaries in place of seals: what can be said of them, and what not.

Their records, counts and rows are compared as those of any day, and their rows in the warehouse by
their fingerprints. Their objects are gone, so nobody can read the rows again.
"""

from collections.abc import Mapping
from datetime import date

from app.audit.report import AuditReport, DayBalance, Finding, FindingKind, Findings, TypeBalance
from app.audit.scratch import Scratch

OF_DAY = "SELECT 1 FROM summed WHERE event = ? AND day = ? LIMIT 1"
ALL = "SELECT count(DISTINCT seal), count(DISTINCT event || ' ' || day) FROM summed"


def is_summarised(scratch: Scratch, event: str, day: date) -> bool:
    """Whether the objects of some of its rows are gone."""
    return any(scratch.rows(OF_DAY, event, day.isoformat()))


def name_stranded(kinds: Mapping[str, TypeBalance], scratch: Scratch, findings: Findings) -> None:
    """Rows that wait for the load of a day that no load can make again."""
    for event, kind in sorted(kinds.items()):
        for day in kind.days:
            if day.in_flight and is_summarised(scratch, event, day.day):
                findings.add(_stranded(event, day))


def _stranded(event: str, day: DayBalance) -> Finding:
    return Finding(
        FindingKind.STRANDED,
        f"{event} {day.day}: {day.in_flight} rows were sealed after old seals of the day were "
        "summarised, so the day can not be made again and they never land; they stay in their "
        "objects. Was `late_days` widened beyond JANITOR__KEEP_SEALS_DAYS?",
        event=event,
        day=day.day,
    )


def tell_summarised(scratch: Scratch, report: AuditReport) -> None:
    ((seals, days),) = scratch.rows(ALL)
    if seals:
        report.notes.append(
            f"{seals} seals with rows of {days} days are older than JANITOR__KEEP_SEALS_DAYS and "
            "summarised: what they counted was compared, and what stands of them in the "
            "warehouse; their objects are gone."
        )
