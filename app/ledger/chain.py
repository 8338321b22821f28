"""The arithmetic of a chain: names of links, and where an entry leaves its partition."""

from app.core.disposal import Disposal
from app.core.errors import Fatal
from app.core.seal import Range, Seal
from app.ledger.protocol import ChainStart, Cursor, Incident


def start_link(tp: str) -> str:
    """Name the link that only the first entry of a partition's chain takes."""
    return f"{tp}@start"


def end_link(tp: str, cursor: Cursor) -> str:
    """Name the link that the next entry of the partition must take."""
    return f"{tp}@{cursor.next}"


def after_start(start: ChainStart) -> Cursor:
    return Cursor(start.first, -1, start.topic_id)


def after(end: Cursor, extension: Range) -> Cursor:
    """Where a chain stands that ended at `end`, once `extension` is part of it.

    A range without marks of its own (-1) leaves the demand on the dedupe table as it was. Each
    entry keeps this beside its range, so that the last entry alone answers `cursors`.
    """
    changelog = end.changelog if extension.changelog < 0 else extension.changelog
    return Cursor(extension.next, changelog, end.topic_id)


def after_incident(end: Cursor, incident: Incident) -> Cursor:
    moved = after(end, incident.range)
    topic_id = incident.topic_id or end.topic_id
    return Cursor(moved.next, moved.changelog, topic_id, incident.ends_chain)


def refuse_unfit_seal(seal: Seal) -> None:
    """Raise `Fatal` naming what does not add up: such a seal must never become the truth."""
    problems = seal.problems()
    if not seal.ranges:
        problems.append("it covers no partition")
    if len({r.tp for r in seal.ranges}) < len(seal.ranges):
        problems.append("a partition has two ranges")
    if problems:
        raise Fatal(f"seal {seal.id} was not recorded: {'; '.join(problems)}")


def refuse_unfit_incident(incident: Incident) -> None:
    """Raise `Fatal` for an incident that goes back, or ends its chain and names no other."""
    r = incident.range
    if r.next < r.first:
        problem = f"{r.link} to {r.next} covers no offset"
    elif incident.ends_chain and not incident.topic_id:
        problem = f"it ends the chain of {r.tp} and does not say what to read instead"
    else:
        return
    raise Fatal(f"incident {incident.id} was not recorded: {problem}")


def refuse_unfit_disposal(disposal: Disposal) -> None:
    """Raise `Fatal` for a disposal that names no dead letters, too many, or some twice."""
    if problems := disposal.problems():
        raise Fatal(f"disposal {disposal.id} was not recorded: {'; '.join(problems)}")
