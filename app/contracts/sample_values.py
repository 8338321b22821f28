"""Make a random value of a field: one function per type."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from pydantic_core import SchemaValidator
from rstr import Rstr

from app.contracts.types import core_of
from app.core.transforms import zone
from app.core.values import MAX_INTEGER

ATTEMPTS = 500
WORDS = ("amber", "Birke", "canyon", "Delft", "élan", "fjord", "granite", "Höhe", "iris", "jetty")
A_MONTH = 30 * 86_400  # seconds
SPREAD = 1_000  # how far from its only bound a number lies


class Unmakeable(Exception):
    """No value was found that fits what a field asks for; the text says which options."""


class Maker:
    """Makes values of events that happen at `moment`; equal random numbers make equal values."""

    def __init__(self, random: Random, moment: datetime, *, optional: bool = True) -> None:
        self.random, self.moment, self._optional = random, moment, optional
        self.matching = Rstr(random).xeger

    def wants(self, field: Any) -> bool:
        """Whether the field is to have a value, which is for chance to say if it may be absent."""
        return field.required or (self._optional and self.random.random() < 0.75)

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
    if field.pattern is not None or field.format is not None:
        return _fitting(make, field)
    low, high = field.min_length or 1, field.max_length
    text = " ".join(make.random.sample(WORDS, make.random.randint(1, 3)))
    while len(text) < low:
        text = f"{text} {make.random.choice(WORDS)}"
    return (text if high is None else text[: max(high, low)].rstrip()).ljust(low, "e")


def _fitting(make: Maker, field: Any) -> str:
    """Try what pattern or format allow until the validator takes it: lengths are its business."""
    fits = SchemaValidator(core_of(field)).isinstance_python
    for _ in range(ATTEMPTS):
        text = (
            _matching(make, field.pattern) if field.format is None else FORMATS[field.format](make)
        )
        for candidate in (text, text[: field.max_length]):
            if fits(candidate):
                return candidate
    asked = f"format {field.format}" if field.pattern is None else f"pattern {field.pattern}"
    raise Unmakeable(f"nothing was found that fits its {asked} and its lengths")


def _matching(make: Maker, pattern: str) -> str:
    try:
        return make.matching(pattern)
    except (re.error, OverflowError) as error:  # it is Rust's, and has words that Python's lacks
        raise Unmakeable(f"no text can be made for its pattern {pattern}") from error


def _integer(make: Maker, field: Any) -> int:
    low, high = _unless_limit(field.minimum), _unless_limit(field.maximum)
    return make.between(low, high)


def _unless_limit(bound: int | None) -> int | None:
    """None where the bound is only what a warehouse can hold."""
    return None if bound is None or abs(bound) == MAX_INTEGER else bound


def _number(make: Maker, field: Any) -> float:
    low, high = _range(field.minimum, field.maximum)
    exact = make.random.uniform(low, high)
    return rounded if low <= (rounded := round(exact, 2)) <= high else exact


def _decimal(make: Maker, field: Any) -> str:
    limit = Decimal(10) ** (field.precision - field.scale) - Decimal(1).scaleb(-field.scale)
    low, high = _range(field.minimum, field.maximum)
    low, high = max(Decimal(low), -limit), min(Decimal(high), limit)
    units = make.random.randint(*(int(bound.scaleb(field.scale)) for bound in (low, high)))
    return format(Decimal(units).scaleb(-field.scale), "f")


def _range(low: Any, high: Any) -> tuple[Any, Any]:
    """Bounds for what has one or none."""
    if low is None:
        low = 0 if high is None or high >= 0 else high - SPREAD
    return low, low + SPREAD if high is None else high


def _uuid(make: Maker, field: Any) -> str:
    return str(UUID(int=make.random.getrandbits(128), version=4))


def _timestamp(make: Maker, field: Any) -> str | int:
    return written(make.earlier(), field)


def written(moment: datetime, field: Any) -> str | int:
    """A moment as a field of type timestamp takes it, to the millisecond or the second."""
    if field.epoch is not None:
        return int(moment.timestamp() * (1_000 if field.epoch == "milliseconds" else 1))
    if field.timezone is not None:
        return f"{moment.astimezone(zone(field.timezone)):%Y-%m-%d %H:%M:%S}"
    return iso(moment)


def _list(make: Maker, field: Any) -> list[Any]:
    least = field.min_items or 0
    most = least + 3 if field.max_items is None else min(field.max_items, least + 3)
    return [make.value(field.items) for _ in range(make.random.randint(least, most))]


def _object(make: Maker, field: Any) -> dict[str, Any]:
    return {name: make.value(inner) for name, inner in field.fields.items() if make.wants(inner)}


def iso(moment: datetime) -> str:
    """`2026-03-01T23:59:58.123Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _name(make: Maker) -> str:
    return make.matching("[a-z]{3,10}")


def _query(make: Maker) -> str:
    return f"?page={make.between(1, 9)}" if make.random.random() < 0.5 else ""


FORMATS: dict[str, Callable[[Maker], str]] = {
    "email": lambda make: f"{_name(make)}@{_name(make)}.example",
    "url": lambda make: f"https://{_name(make)}.example/{_name(make)}{_query(make)}",
    "ip": lambda make: make.random.choice(("192.0.2.{}", "2001:db8::{}")).format(
        make.between(1, 99)
    ),
    "country": lambda make: make.random.choice(("AT", "BR", "CH", "DE", "IN", "JP", "US")),
    "currency": lambda make: make.random.choice(("BRL", "CHF", "EUR", "INR", "JPY", "USD")),
    "language": lambda make: make.random.choice(("de", "de-CH", "en", "en-GB", "ja", "pt-BR")),
}
MAKERS: dict[str, Callable[[Maker, Any], Any]] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "decimal": _decimal,
    "boolean": lambda make, field: make.random.random() < 0.5,
    "uuid": _uuid,
    "timestamp": _timestamp,
    "date": lambda make, field: make.earlier().date().isoformat(),
    "list": _list,
    "object": _object,
    "json": lambda make, field: {make.random.choice(WORDS): make.between(None, None)},
}
