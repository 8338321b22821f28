"""Steps that write a value otherwise: another one, or the same as another type."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from app.core.transforms import choosing
from app.core.transforms.columns import Landing
from app.core.transforms.constants import Scalar
from app.core.transforms.dates import ParseTimestamp
from app.core.transforms.numbers import ParseNumber
from app.core.values import FIRST_YEAR, LAST_YEAR
from app.letters.fix.changing import ABOUT, MADE, TEXT, VALUE, Change, InPlace, OnText, topic_step

MAX_DIGITS = 38
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


READABLE: Mapping[type, Callable[[str], object]] = {
    int: re.compile(r"[+-]?[0-9]{1,38}").fullmatch,
    bool: {"true", "false"}.__contains__,
}
"""Which keys of a map, which in YAML are all texts, may be a value of a type."""


def told_here(check: Callable[[], Any]) -> None:
    """Say what a topic file's step finds wrong with its options as one text."""
    try:
        check()
    except ValueError as error:
        raise ValueError(": ".join(map(str, error.args))) from None


class Map(InPlace):
    """Translate values by a list, as `map` of a topic file does. Others get the `default`; without
    one they stay as they are. Null stays null."""

    do: Literal["map"]
    values: dict[str, Scalar] = Field(min_length=1, description="From a value to another one.")
    default: Scalar | None = Field(None, description="For a value that is not listed.")

    @model_validator(mode="after")
    def _maps(self) -> Self:
        options = self.model_dump(exclude_unset=True, exclude={"field"}) | {"field": VALUE}
        topic_map = choosing.Map.model_validate(options)
        changes: dict[type, Change] = {}
        for kind, name in ((str, "string"), (int, "integer"), (bool, "boolean")):
            columns = {VALUE: Landing(name, True, ABOUT)}
            if kind is str:  # what is wrong with it for texts is wrong with it for all
                told_here(partial(topic_map.columns, columns))
            elif not all(map(READABLE[kind], self.values)):
                continue
            changes[kind] = topic_step(topic_map.step(columns))
        self._change = lambda value: changes.get(type(value), _as_it_is)(value)
        return self


def _as_it_is(value: Any) -> Any:
    return value


class Cast(InPlace):
    """Write a value as another type: "12" and 12.0 as the integer 12, 12 as the text "12", "true"
    as true. What can not be read as one stays as it is; no digit is lost."""

    do: Literal["cast"]
    kind: Literal["integer", "number", "string", "boolean"] = Field(
        alias="as", description="The JSON type wanted."
    )

    def model_post_init(self, context: Any) -> None:
        self._change = CASTS[self.kind]


def _parsed_as(kind: Literal["integer", "number"]) -> Change:
    step = ParseNumber.model_validate(
        {"do": "parse_number", "field": VALUE, "to": MADE, "as": kind, "about": ABOUT}
    )
    return topic_step(step.step(TEXT), MADE)


_as_integer, _as_number = _parsed_as("integer"), _parsed_as("number")


def _integer(value: Any) -> Any:
    match value:
        case str():
            return _as_integer(value)
        case Decimal() if value == value.to_integral_value() and value.adjusted() < MAX_DIGITS:
            return int(value)
    return value


def _number(value: Any) -> Any:
    # A double would round what was written; the text itself is the number.
    is_number = isinstance(value, str) and isinstance(_as_number(value), float)
    return Decimal(value) if is_number else value


def _string(value: Any) -> Any:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | Decimal():
            return str(value)
    return value


def _boolean(value: Any) -> Any:
    words = {"true": True, "false": False}
    if isinstance(value, str):
        return words.get(value.lower(), value)
    return bool(value) if type(value) is int and value in (0, 1) else value


CASTS: Mapping[str, Change] = {
    "integer": _integer,
    "number": _number,
    "string": _string,
    "boolean": _boolean,
}


class ReadTime(OnText):
    """Write a text that spells a time as ISO 8601 in UTC, as `parse_timestamp` reads it."""

    do: Literal["parse_timestamp"]
    format: str = Field(description="iso, or directives of strptime such as %Y-%m-%d %H:%M.")
    timezone: str | None = Field(None, description="Of times without an offset.")

    @model_validator(mode="after")
    def _reads(self) -> Self:
        options = self.model_dump(exclude={"field"}, exclude_unset=True)
        step = ParseTimestamp.model_validate(options | {"field": VALUE, "to": MADE, "about": ABOUT})
        told_here(partial(step.columns, TEXT))
        read = topic_step(step.step(TEXT), MADE)
        self._change = lambda value: _iso(read(value))
        return self


class FromEpoch(InPlace):
    """Write a number since 1970 as ISO 8601 in UTC, to the microsecond."""

    do: Literal["from_epoch"]
    unit: Literal["seconds", "milliseconds"] = Field(description="What it counts.")

    def model_post_init(self, context: Any) -> None:
        second = 1 if self.unit == "seconds" else 1_000
        self._change = lambda value: _since_1970(value, second)


def _since_1970(value: Any, second: int) -> Any:
    number = Decimal(value) if type(value) is int or isinstance(value, Decimal) else None
    if number is None or number.adjusted() > MAX_DIGITS:
        return value
    try:
        moment = EPOCH + timedelta(microseconds=int(number * 1_000_000 / second))
    except OverflowError:
        return value
    return _iso(moment) if FIRST_YEAR <= moment.year <= LAST_YEAR else value


def _iso(value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
