"""The comparison: one recorded event after the other, judged by both, in flat memory."""

import re
import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from app.backtest.clear import HIDDEN, newly_clear
from app.contracts.catalogue.fields import told_fields
from app.contracts.compile import compile_contract
from app.contracts.examples import happened
from app.contracts.model import Contract
from app.core.errors import Rejected
from app.core.judge import Filtered, judge

SHOWN = 3
"""Samples kept of each kind of change."""
MISSING = "no topic file"
UNKNOWN = " (a field it does not know)"


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as it was sent. Without `received_at` it is judged as received when it happened.

    `place` says where it stands, so that it can be found again.
    """

    event: str
    raw: bytes
    received_at: datetime | None
    place: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one folder makes of an event: `accepted`, `duplicate`, `filtered`, `rejected: schema
    total_cents`, … and the rows that would land, as the warehouse gets them. `why` is what a sender
    is told of a rejected event, which names no value."""

    verdict: str
    rows: tuple[Mapping[str, Any], ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """One event of which something else would become."""

    place: str
    now: Outcome
    then: Outcome


@dataclass
class TypeTrial:
    """All that is known of one event type: counts by verdict, now and then, and what changes.

    `turns` counts events whose verdict changes; `columns` counts rows by column whose value, or
    presence, changes. `samples` has the first few of each.
    """

    event: str
    judged: int = 0
    now: Counter[str] = field(default_factory=Counter)
    then: Counter[str] = field(default_factory=Counter)
    turns: Counter[tuple[str, str]] = field(default_factory=Counter)
    columns: Counter[str] = field(default_factory=Counter)
    samples: dict[str, list[Sample]] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        return bool(self.turns or self.columns)

    def take(self, place: str, now: Outcome, then: Outcome) -> None:
        self.judged += 1
        self.now[now.verdict] += 1
        self.then[then.verdict] += 1
        if now.verdict != then.verdict:
            self.turns[now.verdict, then.verdict] += 1
            self._keep(f"{now.verdict} → {then.verdict}", Sample(place, now, then))
        for name in sorted(_differing(now.rows, then.rows)):
            self.columns[name] += 1
            self._keep(f"column {name}", Sample(place, now, then))

    def _keep(self, change: str, sample: Sample) -> None:
        kept = self.samples.setdefault(change, [])
        if len(kept) < SHOWN:
            kept.append(sample)


class Seen:
    """The keys that were there before, on disk: one side's memory of duplicates."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)  # a file of its own, gone at the end
        self._db.execute("CREATE TABLE seen (key BLOB PRIMARY KEY) WITHOUT ROWID")
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("BEGIN")

    def before(self, event: str, key: bytes) -> bool:
        """Whether this key was asked for before."""
        row = (event.encode() + b"\0" + key,)
        return self._db.execute("INSERT OR IGNORE INTO seen VALUES (?)", row).rowcount == 0

    def close(self) -> None:
        self._db.close()


class Side:
    """One folder of topic files, and what it has seen."""

    def __init__(self, contracts: Mapping[str, Contract], pii_key: bytes | None) -> None:
        self._kinds = {event: compile_contract(c, pii_key) for event, c in contracts.items()}
        self._fields = {
            event: {told.sent for told in told_fields(c)} for event, c in contracts.items()
        }
        self._contracts = contracts
        self._hidden: dict[str, frozenset[str]] = {}
        self.seen = Seen()

    def hide_what_is_hidden_by(self, other: "Side") -> None:
        """Do not show what the other folder does not."""
        for event, contract in self._contracts.items():
            if event in other._contracts:
                self._hidden[event] = newly_clear(other._contracts[event], contract)

    def outcome(self, recorded: Recorded) -> Outcome:
        """What becomes of the event."""
        kind = self._kinds.get(recorded.event)
        if kind is None:
            return Outcome(MISSING)
        verdict = judge(kind, recorded.raw, recorded.received_at or happened(kind, recorded.raw))
        if isinstance(verdict, Rejected):
            field = self._field(kind.name, verdict.field)
            why = "" if field == UNKNOWN else verdict.message  # which would name it
            return Outcome(f"rejected: {verdict.reason}{field}", why=why)
        if isinstance(verdict, Filtered):
            return Outcome("filtered")
        if self.seen.before(kind.name, kind.dedupe_key(verdict.row)):
            return Outcome("duplicate")
        rows = [orjson.loads(kind.line(row, verdict.day)) for row in verdict.rows]
        hidden = dict.fromkeys(self._hidden.get(kind.name, ()), HIDDEN)
        return Outcome("accepted", tuple(row | hidden for row in rows))

    def _field(self, event: str, field: str | None) -> str:
        """Name a field of the contract; a sender's own names may hold anything, and are many."""
        if field is None:
            return ""
        name = re.sub(r"\.\d+(?=\.|$)", "[]", field)
        return f" {name}" if name in self._fields[event] else UNKNOWN


class Backtest:
    """Judges by the folder of now and by the candidate. Nothing is written anywhere."""

    def __init__(self, now: Side, then: Side) -> None:
        self._now, self._then = now, then
        then.hide_what_is_hidden_by(now)
        self.types: dict[str, TypeTrial] = {}

    def take(self, recorded: Recorded) -> None:
        """Judge one event, in the order in which they were received."""
        trial = self.types.setdefault(recorded.event, TypeTrial(recorded.event))
        trial.take(recorded.place, self._now.outcome(recorded), self._then.outcome(recorded))

    def close(self) -> None:
        """Forget what was seen."""
        self._now.seen.close()
        self._then.seen.close()


def _differing(now: tuple[Mapping[str, Any], ...], then: tuple[Mapping[str, Any], ...]) -> set[str]:
    """The columns that are not the same, row by row; a verdict that turned tells of the others."""
    return {
        name
        for old, new in zip(now, then, strict=False)
        for name in old.keys() | new.keys()
        if name not in old or name not in new or old[name] != new[name]
    }
