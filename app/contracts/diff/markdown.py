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
    events = sorted(events, key=lambda event: (ORDER.index(event.verdict), event.event))
    grave = [event for event in events if any(map(_is_grave, event.changes))]
    light = [f"* {_named(event)}: {_told(event)}" for event in events if event not in grave]
    parts = [
        f"## Topic files: `{old}` → `{new}`",
        f"**{told}.**" if told else "Nothing changes, for events in flight nor for rows loaded.",
        *map(_event, grave),
    ]
    if light:
        parts.append("\n".join(["### Safe" if not grave else "### All else: safe", "", *light]))
    return "\n\n".join(parts) + "\n"


def _counted(count: int, verdict: Verdict) -> str:
    told = HEADS[verdict]
    return f"{count} {told}" if count == 1 else f"{count} {told.replace('needs', 'need')}"


def _is_grave(change: Change) -> bool:
    """Whether somebody has to do something about it."""
    return change.verdict is not Verdict.SAFE or bool(change.do)


def _event(event: EventDiff) -> str:
    grave = [change for change in event.changes if _is_grave(change)]
    light = [change for change in event.changes if not _is_grave(change)]
    rows = sorted(grave, key=lambda change: ORDER.index(change.verdict))
    lines = ["| verdict | change | why | what to do |", "|---|---|---|---|", *map(_row, rows)]
    parts = [f"### {_named(event)}: {HEADS[event.verdict]}", "\n".join(lines)]
    if light:
        parts.append("\n".join(["Safe:", "", *(f"* {_line(change)}" for change in light)]))
    return "\n\n".join(parts)


def _named(event: EventDiff) -> str:
    return f"{event.event} (v{event.version})"


def _told(event: EventDiff) -> str:
    return "; ".join(map(_line, event.changes))


def _row(change: Change) -> str:
    verdict = HEADS[change.verdict]
    if change.verdict is not Verdict.SAFE:
        verdict = f"**{verdict}**"
    told = (verdict, f"`{change.where}` {_literal(change.what)}", change.why, change.do)
    return "| " + " | ".join(map(_cell, told)) + " |"


def _line(change: Change) -> str:
    why = f": {change.why}" if change.why else ""
    return f"`{change.where}` {_cell(_literal(change.what))}{_cell(why)}"


def _literal(text: str) -> str:
    """What comes from a topic file, such as a pattern, is no Markdown."""
    return ESCAPED.sub(r"\\\g<0>", text)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
