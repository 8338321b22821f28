"""What may happen to schedulers and their servers, as values: a crash is one of them.

`pace` is how far a scheduler comes with its run; there it may be left, overtaken or killed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from hypothesis import strategies as st

from tests.models.happenings import paces
from tests.models.stage import Answer, Pace
from tests.scheduler.world import MONDAY, TUESDAY, WEDNESDAY

SCHEDULERS = ("first", "second", "third")
DAYS = (MONDAY, TUESDAY, WEDNESDAY)
POINTS = ("staged", "deleted", "inserted", "before_commit", "after_commit")
LEDGER_CALLS = ("dirty", "next_fence", "manifest", "record_load")
WAREHOUSE_CALLS = ("prepare", "loaded", "replace")
CALLS = (
    *(f"ledger.{call}" for call in LEDGER_CALLS),
    *(f"warehouse.{call}" for call in WAREHOUSE_CALLS),
    "staged",
    "before_commit",
)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A worker records a seal: these event ids, on these days; some with dead letters."""

    days: tuple[tuple[date, tuple[int, ...]], ...]
    dead: int


@dataclass(frozen=True, slots=True)
class Begins:
    """A scheduler begins a run, if it has none: what is dirty, or `forced` days whatever they are.

    `breaks` is where the connection to the warehouse breaks in its first replace.
    """

    name: str
    forced: frozenset[date]
    max_days: int
    breaks: str
    pace: Pace


@dataclass(frozen=True, slots=True)
class GoesOn:
    name: str
    pace: Pace


@dataclass(frozen=True, slots=True)
class CallEnds:
    n: int
    answer: Answer


@dataclass(frozen=True, slots=True)
class Killed:
    name: str


@dataclass(frozen=True, slots=True)
class LosesLease:
    """It hears that its lock is gone; mostly it does not."""

    name: str


@dataclass(frozen=True, slots=True)
class DiesInRun:
    """It begins a run, and is killed where `pace` leaves it."""

    name: str
    pace: Pace


@dataclass(frozen=True, slots=True)
class Outrun:
    """There is something to load. While it stands where `pace` leaves it, more is sealed and
    another ends a run; then it goes on. With `early`, the other has taken its fence before."""

    name: str
    by: str
    early: bool
    pace: Pace
    days: tuple[tuple[date, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class ComesToRest:
    """Whoever runs ends its run; then one more loads what is left."""


Happening = (
    Sealed | Begins | GoesOn | CallEnds | Killed | LosesLease | DiesInRun | Outrun | ComesToRest
)

_paces = paces(CALLS, 0)
_names = st.sampled_from(SCHEDULERS)
_stops = st.builds(Pace, st.sampled_from(CALLS))
_rows = st.lists(st.integers(0, 9), min_size=1, max_size=4).map(tuple)
_days = st.dictionaries(st.sampled_from(DAYS), _rows, max_size=3).map(lambda d: tuple(d.items()))
_KINDS: Mapping[st.SearchStrategy[Any], int] = {
    st.builds(Sealed, _days, st.sampled_from([0, 0, 1])): 4,
    st.builds(
        Begins,
        _names,
        st.one_of(st.just(frozenset()), st.frozensets(st.sampled_from(DAYS))),
        st.integers(1, 3),
        st.sampled_from(["", "", *POINTS]),
        _paces,
    ): 6,
    st.builds(GoesOn, _names, paces(CALLS)): 6,
    st.builds(CallEnds, st.integers(0, 5), st.sampled_from(Answer)): 4,
    st.builds(Killed, _names): 1,
    st.builds(DiesInRun, _names, _stops): 2,
    st.builds(Outrun, _names, _names, st.booleans(), _stops, _days): 4,
    st.builds(ComesToRest): 1,
    st.builds(LosesLease, _names): 1,
}


def happenings() -> st.SearchStrategy[Any]:
    weighted = [kind for kind, weight in _KINDS.items() for _ in range(weight)]
    return st.sampled_from(weighted).flatmap(lambda kind: kind)
