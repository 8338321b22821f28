"""What the chains, the seals and the loads say of each other, compared in the scratch database."""

from collections.abc import Mapping
from datetime import date

from app.audit.days import again
from app.audit.report import Finding, FindingKind, Findings
from app.audit.scratch import Scratch
from app.ledger.protocol import Cursor

LINKS_WITHOUT_SEAL = """
SELECT l.event, l.tp, l.first, l.next, l.seal, r.next, r.records, l.records
FROM links l LEFT JOIN ranges r ON r.tp = l.tp AND r.first = l.first AND r.seal = l.seal
WHERE l.kind IN ('seal', 'summary')
  AND (r.seal IS NULL OR r.next <> l.next OR r.records <> l.records)
"""

RANGES_WITHOUT_LINK = """
SELECT r.event, r.tp, r.first, r.next, r.seal
FROM ranges r LEFT JOIN links l
  ON l.tp = r.tp AND l.first = r.first AND l.seal = r.seal AND l.kind IN ('seal', 'summary')
WHERE l.seal IS NULL
"""

LOADS_OF_LOST_SEALS = """
SELECT d.event, d.day, d.seal
FROM loaded d LEFT JOIN objects o
  ON o.event = d.event AND o.day = d.day AND o.seal = d.seal AND o.kind = 'rows'
LEFT JOIN summed s ON s.event = d.event AND s.day = d.day AND s.seal = d.seal
WHERE o.seal IS NULL AND s.seal IS NULL
"""

# Of a seal there are objects, or what a summary kept, and never both.
LOADS_OF_OTHER_ROWS = """
SELECT a.event, a.day, a.run, a.staged, COALESCE(SUM(COALESCE(o.rows, s.rows)), 0) AS named
FROM loads a
LEFT JOIN loaded d ON d.event = a.event AND d.day = a.day
LEFT JOIN objects o
  ON o.event = d.event AND o.day = d.day AND o.seal = d.seal AND o.kind = 'rows'
LEFT JOIN summed s ON s.event = d.event AND s.day = d.day AND s.seal = d.seal
GROUP BY a.event, a.day, a.run, a.staged
HAVING named <> a.staged
"""


def compare_links_with_seals(
    scratch: Scratch,
    ends: Mapping[str, int],
    later: Mapping[str, Cursor],
    findings: Findings,
) -> None:
    """Each link of a chain is a range of a seal, and each range a link.

    `ends` are where the chains ended when they were walked, by partition. A range beyond that was
    written since, if the `later` cursor, read after the seals, has passed it.
    """
    for event, tp, first, next_, seal, range_next, *records in scratch.rows(LINKS_WITHOUT_SEAL):
        why = (
            "is in the chain, but the seal itself is gone"
            if range_next is None
            else f"says otherwise than the chain (next {range_next} against {next_}, records "
            f"{records[0]} against {records[1]})"
        )
        findings.add(
            Finding(
                FindingKind.SEAL_MISSING,
                f"{tp} {first}–{next_ - 1}: seal {seal} {why}; restore it from the ledger's "
                "backup.",
                event=event, tp=tp, first=first, next=next_, seal=seal,
            )
        )  # fmt: skip
    for event, tp, first, next_, seal in scratch.rows(RANGES_WITHOUT_LINK):
        if next_ > ends.get(tp, -1) and tp in later and later[tp].next >= next_:
            continue
        findings.add(
            Finding(
                FindingKind.SEAL_UNCHAINED,
                f"{tp} {first}–{next_ - 1}: seal {seal} is not part of the partition's chain; "
                "its link was removed: restore it from the ledger's backup.",
                event=event, tp=tp, first=first, next=next_, seal=seal,
            )
        )  # fmt: skip


def compare_loads_with_seals(scratch: Scratch, findings: Findings) -> None:
    """Each load names seals that exist, and took as many rows as they staged for the day."""
    for event, day, seal in scratch.rows(LOADS_OF_LOST_SEALS):
        findings.add(
            Finding(
                FindingKind.LOAD_SEALS,
                f"{event} {day}: the last load named seal {seal}, of which the ledger knows no "
                "rows for this day; restore the seal from the ledger's backup before the day is "
                "loaded again.",
                event=event, day=date.fromisoformat(day), seal=seal,
            )
        )  # fmt: skip
    for event, day, run, staged, named in scratch.rows(LOADS_OF_OTHER_ROWS):
        findings.add(
            Finding(
                FindingKind.LOAD_SEALS,
                f"{event} {day}: load {run} took {staged} staged rows, the seals it named hold "
                f"{named}; {again(event, day)}.",
                event=event, day=date.fromisoformat(day),
            )
        )  # fmt: skip
