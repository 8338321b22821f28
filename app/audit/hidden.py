"""Rows that are sealed, loaded and not shown: those of declared runs other than the shown one."""

from collections import Counter
from collections.abc import Mapping
from datetime import date

from app.audit.days import DayFacts, again
from app.audit.old_seals import is_summarised
from app.audit.report import AuditReport, Finding, FindingKind
from app.audit.scratch import Scratch
from app.core.reruns import RunState, states
from app.core.seal import run_of_key
from app.ledger.protocol import DayLoad

OBJECTS = """
SELECT o.key, o.rows FROM loaded d
JOIN objects o ON o.event = d.event AND o.day = d.day AND o.seal = d.seal AND o.kind = 'rows'
WHERE d.event = ? AND d.day = ?
"""
MOST_NOTES = 20
LATE = "too late for it"


def name_hidden(facts: Mapping[str, DayFacts], scratch: Scratch, report: AuditReport) -> None:
    """Say of each day which runs are not shown, and that the load has counted their rows."""
    notes: list[str] = []
    for event, of_type in sorted(facts.items()):
        if of_type.table is None or not of_type.table.runs:
            continue
        for day, load in sorted(of_type.loads.items()):
            if is_summarised(scratch, event, day):
                continue  # the names of the objects, which say of which run they are, are gone
            hidden = _hidden(of_type, load, scratch)
            if hidden.total() != load.hidden:
                report.found.add(_miscounted(event, day, load, hidden.total()))
            elif hidden:
                notes.append(_told(of_type, load, hidden))
    report.notes += notes[:MOST_NOTES]
    if len(notes) > MOST_NOTES:
        report.notes.append(f"{len(notes) - MOST_NOTES} more days have rows that are not shown.")


def _hidden(facts: DayFacts, load: DayLoad, scratch: Scratch) -> Counter[str]:
    """Rows by run, of what the load named and does not show."""
    found: Counter[str] = Counter()
    for key, rows in scratch.rows(OBJECTS, facts.event, load.day.isoformat()):
        if not facts.shows(load, key):
            found[run_of_key(key)] += rows
    return found


def _miscounted(event: str, day: date, load: DayLoad, hidden: int) -> Finding:
    return Finding(
        FindingKind.LOAD_SEALS,
        f"{event} {day}: load {load.run} says that {load.hidden} rows are not shown, its seals "
        f"hold {hidden} of runs other than «{load.shown}»; {again(event, day)}.",
        event=event,
        day=day,
    )


def _told(facts: DayFacts, load: DayLoad, hidden: Counter[str]) -> str:
    of_day = states(run for run in facts.reruns.values() if run.day == load.day)
    parts = []
    for run, rows in sorted(hidden.items()):
        state = of_day.get(run, RunState.UNKNOWN)
        parts.append(f"{rows:,} of run {run} ({LATE if run == load.shown else state})")
    shown = f"run {load.shown} is shown" if load.shown else "no run is complete"
    return f"{facts.event} {load.day}: {shown}; not shown: {', '.join(parts)}."
