"""What was done about the dead letters of each event type, beside how many there are."""

from collections import Counter
from collections.abc import Mapping

from app.audit.report import AuditReport, Finding, FindingKind, LetterBalance, TypeBalance
from app.core.disposal import Fate
from app.ledger.disposed import Disposed
from app.ledger.protocol import Ledger

Fates = Mapping[str, Counter[Fate]]


async def count_disposed(ledger: Ledger) -> Fates:
    """Count the letters that were replayed or dropped, each once. To be read before the seals: a
    letter is there before anything is done about it."""
    with Disposed() as disposed:
        await disposed.read(ledger)
        return disposed.counts()


def balance_letters(fates: Fates, kinds: Mapping[str, TypeBalance], report: AuditReport) -> None:
    """Put beside the dead letters of each type what became of them."""
    for event, counts in sorted(fates.items()):
        kind = kinds.get(event)
        dead = kind.totals["dead"] if kind else 0
        if kind:
            kind.letters = LetterBalance(counts[Fate.REPLAYED], counts[Fate.DROPPED])
        if counts.total() > dead:
            report.found.add(
                Finding(
                    FindingKind.DISPOSAL,
                    f"{event}: {counts.total()} dead letters were replayed or dropped, and the "
                    f"seals hold {dead}: the ledger was changed by hand, or is of two times; bring "
                    "it back from one backup.",
                    event=event,
                )
            )
