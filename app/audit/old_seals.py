"""Days of which the ledger has summaries in place of seals: what can be said of them, and what not.

Their records, counts and rows are compared as those of any day, and their rows in the warehouse by
their fingerprints. Their objects are gone, so nobody can read the rows again.
"""

from datetime import date

from app.audit.report import AuditReport
from app.audit.scratch import Scratch

OF_DAY = "SELECT 1 FROM summed WHERE event = ? AND day = ? LIMIT 1"
ALL = "SELECT count(DISTINCT seal), count(DISTINCT event || ' ' || day) FROM summed"


def is_summarised(scratch: Scratch, event: str, day: date) -> bool:
    """Whether the objects of some of its rows are gone."""
    return any(scratch.rows(OF_DAY, event, day.isoformat()))


def tell_summarised(scratch: Scratch, report: AuditReport) -> None:
    ((seals, days),) = scratch.rows(ALL)
    if seals:
        report.notes.append(
            f"{seals} seals with rows of {days} days are older than JANITOR__KEEP_SEALS_DAYS and "
            "summarised: what they counted was compared, and what stands of them in the "
            "warehouse; their objects are gone."
        )
