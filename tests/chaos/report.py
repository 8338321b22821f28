"""What a chaos run did, for people."""

from collections.abc import Iterable, Mapping, Sequence

from tests.chaos.run import Outcome

INTRODUCTION = """\
# Chaos report

`make chaos-report` makes this page anew. The servers are real, the roles are processes; each run
sends numbered events through HTTP and straight to Kafka, breaks whatever it can, at random, heals
it, waits until all is loaded, and then compares the warehouse with what was acknowledged, number
by number, and with `forebay audit --deep`. *lost*: acknowledged, and not in the warehouse.
*doubled*: there twice. *residual*: the audit's.
"""


def markdown(outcomes: Sequence[Outcome]) -> str:
    """The whole page."""
    kills = sum(outcome.kills.total() for outcome in outcomes)
    parts = [INTRODUCTION, f"{kills:,} kills in {len(outcomes)} runs.\n", _table(
        ("seed", "ledger, warehouse", "minutes", "kills", "faults", "acknowledged", "sent again",
         "rows", "lost", "doubled", "residual", "audits meanwhile", "holds"),
        (_line(outcome) for outcome in outcomes),
    )]  # fmt: skip
    for title, name in (
        ("Kills", "kills"),
        ("Other faults", "injected"),
        ("Deaths that the roles chose themselves (a supervisor starts them again)", "deaths"),
    ):
        parts += [f"## {title}\n", _counts(outcomes, name)]
    peaks = [[f"{o.ledger}, {o.warehouse}", *_peaks(o)] for o in outcomes]
    roles = list(outcomes[0].peak_rss) if outcomes else []
    parts += ["## Largest resident memory of any life (10^6 B)\n", _table(("", *roles), peaks)]
    return "\n".join(parts)


def text(outcome: Outcome) -> str:
    """The end of one run on a terminal."""
    lines: list[str] = []
    for title, counts in (("killed", outcome.kills), ("broken", outcome.injected),
                          ("ended by itself", outcome.deaths)):  # fmt: skip
        lines.append(f"{title}:")
        lines += [f"  {count:5,}  {what}" for what, count in sorted(counts.items())] or ["  none"]
    audits = ", ".join(f"{count} {what}" for what, count in sorted(outcome.audits.items()))
    exits = ", ".join(f"{name} {code}" for name, code in outcome.exits.items())
    peaks = ", ".join(f"{role} {rss / 1e6:.0f}" for role, rss in outcome.peak_rss.items())
    lines += [
        f"audits meanwhile: {audits or 'none'}",
        *(f"  {alarm}" for alarm in outcome.alarms),
        f"exit codes after SIGTERM: {exits}",
        f"largest memory, 10^6 B: {peaks}",
        f"in the end: {outcome.verdict}",
        f"{'HOLDS' if outcome.holds else 'DOES NOT HOLD'} (seed {outcome.seed}, {outcome.ledger}, "
        f"{outcome.warehouse}, {outcome.seconds / 60:.1f} minutes)",
    ]
    return "\n".join(lines)


def _line(outcome: Outcome) -> list[str]:
    verdict = outcome.verdict
    audits = ", ".join(f"{count} {what}" for what, count in sorted(outcome.audits.items()))
    numbers = (
        outcome.kills.total(),
        outcome.injected.total(),
        verdict.acknowledged,
        outcome.resent,
        verdict.rows,
        verdict.lost,
        verdict.doubled,
        verdict.residual,
    )
    return [
        str(outcome.seed),
        f"{outcome.ledger}, {outcome.warehouse}",
        f"{outcome.seconds / 60:.0f}",
        *(f"{number:,}" for number in numbers),
        audits,
        "yes" if outcome.holds else "**no**",
    ]


def _counts(outcomes: Sequence[Outcome], name: str) -> str:
    counted: list[Mapping[str, int]] = [getattr(outcome, name) for outcome in outcomes]
    whats = sorted({what for counts in counted for what in counts})
    head = ("", *(f"seed {o.seed}, {o.ledger}" for o in outcomes))
    return _table(head, ([what, *(f"{c.get(what, 0):,}" for c in counted)] for what in whats))


def _peaks(outcome: Outcome) -> list[str]:
    return [f"{rss / 1e6:.0f}" for rss in outcome.peak_rss.values()]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
