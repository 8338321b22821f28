"""A diff as a pull request's comment."""

import re
from collections import Counter
from collections.abc import Sequence

from app.contracts.diff.change import Change, Verdict
from app.contracts.diff.run import EventDiff

ORDER = (Verdict.UNSAFE, Verdict.VERSION, Verdict.SAFE)
ESCAPED = re.compile(r"[*`\\]")
HEADS = {
    Verdict.UNSAFE: "unsafe",
    Verdict.VERSION: "needs a new version",
    Verdict.SAFE: "safe",
}


def markdown(old: str, new: str, events: Sequence[EventDiff]) -> str:
    """Write the report; `old` and `new` are how the reader named the two."""
    counts = Counter(change.verdict for event in events for change in event.changes)
    told = ", ".join(_counted(counts[verdict], verdict) for verdict in ORDER if counts[verdict])
    parts = [
        f"## Topic files: `{old}` → `{new}`",
        f"**{told}.**" if told else "Nothing changes, for events in flight nor for rows loaded.",
        *(_event(event) for event in sorted(events, key=_worst_first)),
    ]
    return "\n\n".join(parts) + "\n"


def _counted(count: int, verdict: Verdict) -> str:
    told = HEADS[verdict]
    return f"{count} {told}" if count == 1 else f"{count} {told.replace('needs', 'need')}"


def _worst_first(event: EventDiff) -> tuple[int, str]:
    return ORDER.index(event.verdict), event.event


def _event(event: EventDiff) -> str:
    grave = [change for change in event.changes if change.verdict is not Verdict.SAFE]
    grave += [change for change in event.changes if change.verdict is Verdict.SAFE and change.do]
    light = [change for change in event.changes if change not in grave]
    parts = [f"### {event.event} (v{event.version}): {HEADS[event.verdict]}"]
    if grave:
        rows = sorted(grave, key=lambda change: ORDER.index(change.verdict))
        lines = ["| verdict | change | why | what to do |", "|---|---|---|---|", *map(_row, rows)]
        parts.append("\n".join(lines))
    if light:
        parts.append("\n".join(["Safe:", "", *map(_line, light)]))
    return "\n\n".join(parts)


def _row(change: Change) -> str:
    verdict = HEADS[change.verdict]
    if change.verdict is not Verdict.SAFE:
        verdict = f"**{verdict}**"
    told = (verdict, f"`{change.where}` {_literal(change.what)}", change.why, change.do)
    return "| " + " | ".join(map(_cell, told)) + " |"


def _line(change: Change) -> str:
    why = f": {change.why}" if change.why else ""
    return f"* `{change.where}` {_cell(_literal(change.what))}{_cell(why)}"


def _literal(text: str) -> str:
    """What comes from a topic file, such as a pattern, is no Markdown."""
    return ESCAPED.sub(r"\\\g<0>", text)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
