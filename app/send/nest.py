"""Put values that are lifted out of an event back to where they belong in it."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from app.contracts.fields import Way


def nested(flat: Mapping[str, Any], ways: Mapping[str, Way]) -> dict[str, Any]:
    """Lay out values by name at their paths; a name without a path stays at the top."""
    event: dict[str, Any] = {}
    for name, value in flat.items():
        way = ways.get(name, (name,))
        here: Any = event
        for step, after in pairwise(way):
            here = _container(here, step, [] if isinstance(after, int) else {})
        _make_room(here, way[-1])
        here[way[-1]] = value
    return event


def _container(here: Any, step: str | int, new: Any) -> Any:
    _make_room(here, step)
    if here[step] is None:
        here[step] = new
    return here[step]


def _make_room(here: Any, step: str | int) -> None:
    if isinstance(step, int):
        here.extend([None] * (step + 1 - len(here)))
    else:
        here.setdefault(step, None)
