"""What a candidate would show in clear, and the topic files of now do not: it is not decided yet,
and what a backtest prints is read by more people than the warehouse."""

from collections.abc import Iterator, Mapping

from app.contracts.fields import Field, Way
from app.contracts.model import EXTRA, Contract
from app.contracts.places import Place, places
from app.core.pii import Pii, strongest

HIDDEN = "(hidden: the topic files of now do not show it)"


def newly_clear(now: Contract, then: Contract) -> frozenset[str]:
    """The columns of `then` that are made of anything that `now` hides better."""
    shown = {
        name
        for name, column in now.landed.items()
        if column.pii == "hash" and name in then.landed and then.landed[name].pii == "keep"
    }
    lifted = {name: field.way(name) for name, field in then.fields.items()}
    weaker = list(_weaker(now, then))
    held = {name for name, way in lifted.items() if any(_overlap(way, place) for place in weaker)}
    if any(not any(_overlap(way, place) for way in lifted.values()) for place in weaker):
        shown.add(EXTRA)
    return frozenset(shown | _made_of(then, held)) & then.landed.keys()


def _weaker(now: Contract, then: Contract) -> Iterator[Place]:
    """The places that `now` hides and `then` does not, or only as a hash of what was dropped."""
    decided = _decisions(then.fields)
    for place, pii in _decisions(now.fields).items():
        around = [
            decided[place[:end]] for end in range(1, len(place) + 1) if place[:end] in decided
        ]
        if pii != "keep" and strongest(pii, *around) != strongest("keep", *around):
            yield place


def _decisions(fields: Mapping[str, Field]) -> dict[Place, Pii]:
    return {place: field.pii or "keep" for place, field in places(fields)}


def _overlap(way: Way, place: Place) -> bool:
    return all(one == other for one, other in zip(way, place, strict=False))


def _made_of(contract: Contract, names: set[str]) -> set[str]:
    """The columns that are made of these fields: those that go when the fields are dropped."""
    dropped = {
        name: field.model_copy(update={"pii": "drop"}) if name in names else field
        for name, field in contract.fields.items()
    }
    try:
        # Not a copy: it would know the columns of the original.
        left = Contract.model_construct(**{**dict(contract), "fields": dropped}).landed
    except ValueError:  # a step can not go on without them: who knows what is made of what
        return set(contract.landed)
    return set(contract.landed) - set(left)
