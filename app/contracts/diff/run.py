"""All changes between two folders of topic files, event by event."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from app.contracts.diff.change import Change, Changes, Verdict, safe, unsafe
from app.contracts.diff.fields import field_changes
from app.contracts.diff.settings import (
    day_changes,
    identity_changes,
    kafka_changes,
    other_changes,
    step_changes,
    version_changes,
)
from app.contracts.diff.tables import claimed, table_changes
from app.contracts.model import Contract


@dataclass(frozen=True, slots=True)
class EventDiff:
    """What changes for one event; `version` as it is now, or was where the event is gone."""

    event: str
    version: int
    changes: tuple[Change, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of all."""
        order = list(Verdict)
        return max((one.verdict for one in self.changes), key=order.index, default=Verdict.SAFE)


def diff(old: Mapping[str, Contract], new: Mapping[str, Contract]) -> list[EventDiff]:
    """Judge what `new` makes of `old`; events without a change are left out.

    A change that needs a new version is safe where the file has one.
    """
    found = []
    for event in sorted({*old, *new}):
        before, after = old.get(event), new.get(event)
        changes = tuple(_changes(before, after, old))
        if changes:
            one = after or before
            assert one is not None
            found.append(EventDiff(event, one.version, changes))
    return found


def _changes(
    old: Contract | None, new: Contract | None, others: Mapping[str, Contract]
) -> Iterator[Change]:
    if new is None:
        assert old is not None
        yield unsafe(
            "event",
            "is removed",
            f"nobody reads {old.topic} any more, and what is in it is lost",
            "stop its senders first, and wait until `forebay audit` shows nothing left to be "
            f"read; {old.table.name} stays",
        )
        return
    if old is None:
        yield safe("event", "is new", f"topic {new.topic}, table {new.table.name}")
        yield from claimed(others, new)
        return
    raised = new.version > old.version
    if old.table.name != new.table.name:
        yield from claimed(others, new)
    for change in between(old, new):
        if raised and change.verdict is Verdict.VERSION:
            why = f"version {new.version} begins with an empty topic"
            change = replace(change, verdict=Verdict.SAFE, why=why, do="")
        yield change


def between(old: Contract, new: Contract) -> Changes:
    """The changes of one event, whatever its version."""
    yield from version_changes(old, new)
    yield from field_changes(old.fields, new.fields, (old.unknown, new.unknown), "fields")
    for compare in (
        kafka_changes,
        identity_changes,
        day_changes,
        step_changes,
        table_changes,
        other_changes,
    ):
        yield from compare(old, new)
