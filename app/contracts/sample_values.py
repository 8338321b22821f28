"""Make a random value of a field: one function per type."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from pydantic_core import SchemaValidator, ValidationError
from rstr import Rstr

from app.contracts.types import TYPES
from app.core.values import MAX_INTEGER

ATTEMPTS = 500
WORDS = ("amber", "Birke", "canyon", "Delft", "élan", "fjord", "granite", "Höhe", "iris", "jetty")
A_MONTH = 30 * 86_400  # seconds
SPREAD = 1_000  # how far from its only bound a number lies


class Unmakeable(Exception):
    """No value was found that fits what a field asks for; the text says which options."""


class Maker:
    """Makes values of events that happen at `moment`; equal random numbers make equal values."""

    def __init__(self, random: Random, moment: datetime) -> None:
        self.random, self.moment = random, moment
        self.matching = Rstr(random).xeger

    def value(self, field: Any) -> Any:
        """Make a value as it would be sent. Raises `Unmakeable`."""
        return MAKERS[field.type](self, field)

    def earlier(self) -> datetime:
        """A moment up to a month before, to the millisecond."""
        return self.moment - timedelta(milliseconds=self.random.randrange(A_MONTH * 1_000))

    def between(self, low: int | None, high: int | None) -> int:
        """A whole number within bounds, near zero or near the one bound there is."""
        if low is None:
            low = 0 if high is None or high >= 0 else high - SPREAD
        return self.random.randint(low, low + SPREAD if high is None else high)


def _string(make: Maker, field: Any) -> str:
    if field.one_of is not None:
        return str(make.random.choice(field.one_of))
    if field.pattern is not None:
        return _matching(make, field)
    text = " ".join(make.random.sample(WORDS, make.random.randint(1, 3)))
    return text if field.max_length is None else text[: field.max_length].rstrip()


def _matching(make: Maker, field: Any) -> str:
    """Try what the pattern allows until the validator takes it: lengths are its business too."""
    fits = SchemaValidator(TYPES[field.type].core(field)).validate_python
    for _ in range(ATTEMPTS):
        text = make.matching(field.pattern)
        for candidate in (text, text[: field.max_length]):
            try:
                fits(candidate)
            except ValidationError:
                continue
            return candidate
    raise Unmakeable(f"nothing matches its pattern {field.pattern} and its lengths")


def _integer(make: Maker, field: Any) -> int:
    low, high = _unless_limit(field.minimum), _unless_limit(field.maximum)
    return make.between(low, high)


def _unless_limit(bound: int | None) -> int | None:
    """None where the bound is only what a warehouse can hold."""
    return None if bound is None or abs(bound) == MAX_INTEGER else bound


def _number(make: Maker, field: Any) -> float:
    low, high = field.minimum, field.maximum
    if low is None:
        low = 0.0 if high is None or high >= 0 else high - SPREAD
    if high is None:
        high = low + SPREAD
    exact = make.random.uniform(low, high)
    return rounded if low <= (rounded := round(exact, 2)) <= high else exact


def _decimal(make: Maker, field: Any) -> str:
    digits = min(field.precision, field.scale + 4)
    return format(Decimal(make.random.randrange(10**digits)).scaleb(-field.scale), "f")


def _uuid(make: Maker, field: Any) -> str:
    return str(UUID(int=make.random.getrandbits(128), version=4))


def _timestamp(make: Maker, field: Any) -> str:
    return iso(make.earlier())


def iso(moment: datetime) -> str:
    """`2026-03-01T23:59:58.123Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _list(make: Maker, field: Any) -> list[Any]:
    low = field.min_items or 0
    high = low + 3 if field.max_items is None else min(low + 3, field.max_items)
    return [make.value(field.items) for _ in range(make.random.randint(low, high))]


def _object(make: Maker, field: Any) -> dict[str, Any]:
    return {name: make.value(inner) for name, inner in field.fields.items()}


MAKERS: dict[str, Callable[[Maker, Any], Any]] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "decimal": _decimal,
    "boolean": lambda make, field: make.random.random() < 0.5,
    "uuid": _uuid,
    "timestamp": _timestamp,
    "date": lambda make, field: make.earlier().date().isoformat(),
    "json": lambda make, field: {make.random.choice(WORDS): make.between(None, None)},
    "list": _list,
    "object": _object,
}
