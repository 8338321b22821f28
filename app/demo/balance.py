"""What the demo must come to, known before it ran; compared with what it came to."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from app.audit.report import AuditReport
from app.core.errors import Reason
from app.demo.input import COUNT, FLIGHTS, WEATHER
from app.demo.traffic import Sent

ROLE_BYTES = 200_000_000
"""What a role may use at most."""
BELOW = f"below {ROLE_BYTES // 10**6} MB"

NEW_YEAR = date(2013, 1, 1)
ON_NEW_YEAR = 842
"""Flights of New Year's Day by New York's calendar; by UTC's it would be 709."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be so."""

    what: str
    expected: object
    found: object

    @property
    def holds(self) -> bool:
        return self.expected == self.found


def checks(
    sent: Mapping[str, Sent],
    dead: Mapping[str, Mapping[str, int]],
    rows: Mapping[str, Mapping[date, int]],
    report: AuditReport,
    peaks: Mapping[str, int],
) -> list[Check]:
    """Compare, by event: what was sent, the dead letters by reason, the rows by day."""
    balances = {kind.event: kind for kind in report.types}
    found: list[Check] = []
    for kind, number in COUNT.items():
        totals, traffic = balances[kind].totals, sent[kind]
        broken = sum(traffic.broken.values())
        again = traffic.again.total()
        found += [
            Check(f"{kind}: rows in the warehouse", number, sum(rows[kind].values())),
            Check(f"{kind}: received", number + again + broken, totals["received"]),
            Check(
                f"{kind}: sent again = duplicates + collapsed at load",
                again,
                totals["duplicates"] + totals["collapsed"],
            ),
            Check(f"{kind}: dead letters by reason", _by_reason(traffic), dict(dead[kind])),
        ]
    return [
        *found,
        Check("flights on 2013-01-01, New York time", ON_NEW_YEAR, rows[FLIGHTS].get(NEW_YEAR)),
        Check("days with weather", 364, len(rows[WEATHER])),
        Check("residual of the audit", 0, report.totals["residual"]),
        Check("findings of the audit", 0, len(report.findings)),
        *(
            Check(f"{role}'s memory at most", BELOW, BELOW if peak < ROLE_BYTES else _told(peak))
            for role, peak in peaks.items()
        ),
    ]


def _told(peak: int) -> str:
    return f"{peak / 10**6:.0f} MB"


def _by_reason(sent: Sent) -> dict[str, int]:
    reasons: Counter[Reason] = Counter()
    for (_, reason), count in sent.broken.items():
        reasons[reason] += count
    return {str(reason): count for reason, count in sorted(reasons.items())}
