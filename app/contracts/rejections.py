"""What the sender is told about an event that does not fit: what would be right, never a value."""

import json
from collections.abc import Iterator
from typing import Any, NoReturn

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.contracts.fields import DecimalField, Field, StringField, TimestampField, Way
from app.contracts.formats import FORMATS
from app.contracts.paths import Fields, Tree, dotted, field_at
from app.core.errors import Reason, RejectedError
from app.core.values import FIRST_YEAR, LAST_YEAR

MAX_ERRORS = 500
MAX_NAME = 200  # characters of a field's name that come back: senders choose unknown names

YEARS = f"of the years {FIRST_YEAR} to {LAST_YEAR}"
MOMENT = "must be a string in ISO 8601, such as 2026-03-01T23:59:58.123Z"
FORM = {
    "uuid": "must be a UUID in a string, 8-4-4-4-12 hexadecimal digits",
    "timestamp": (
        "must be a string in ISO 8601 with a UTC offset, such as 2026-03-01T23:59:58.123Z, "
        f"of the years {FIRST_YEAR} to {LAST_YEAR}"
    ),
    "date": f"must be a string such as 2026-03-01, of the years {FIRST_YEAR} to {LAST_YEAR}",
    "string": "must be a string",
    "integer": "must be a whole number, not in quotes",
    "number": "must be a finite number, not in quotes",
    "boolean": "must be true or false",
    "json": (
        "must be JSON other than null, without NUL characters, infinities and integers of more "
        "than 38 digits"
    ),
    "list": "must be a list",
    "object": "must be an object",
}
BOUNDED = ("string", "integer", "number", "decimal", "list")
BOUND = {
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "may have at most {max_length} characters",
    "literal_error": "must be {expected}",
    "string_pattern_mismatch": "must match {pattern}",
    "too_short": "must have at least {min_length} items",
    "too_long": "may have at most {max_length} items",
}
PLACE = {  # what is said of a place that belongs to no field
    "extra_forbidden": "is not in the contract; leave it out, or add it to the topic file",
    "dict_type": FORM["object"],
    "tuple_type": FORM["list"],
    "too_long": "may have at most {max_length} items; the others are not in the contract",
}


class Rejections:
    """Says what is wrong with events of one type, by the places of its fields."""

    def __init__(self, tree: Tree, fields: Fields) -> None:
        self._tree = tree
        self._fields = fields

    def first(self, error: ValidationError, raw: bytes) -> RejectedError:
        """Choose the first error and say it."""
        try:
            check_numbers(raw)
        except RejectedError as no_json:
            return no_json
        if error.error_count() > MAX_ERRORS:  # each costs time, and a sender can make thousands
            return RejectedError(
                Reason.SCHEMA, f"{error.error_count()} fields are wrong or not in the contract"
            )
        return self._say(error.errors(include_url=False, include_input=False)[0])

    def find_nul(self, event: Any) -> None:
        """Refuse U+0000, which not every warehouse can hold."""
        for way in _nul_in(event, ()):
            name = _told(way)
            where = name or "an event"
            raise RejectedError(
                Reason.SCHEMA, f"{where} must not hold a NUL character", name or None
            )

    def _say(self, detail: ErrorDetails) -> RejectedError:
        kind, location = detail["type"], detail["loc"]
        context: dict[str, Any] = detail.get("ctx", {})
        if kind == "json_invalid":
            return RejectedError(Reason.NOT_JSON, f"not JSON: {context['error']}")
        if not location:
            return RejectedError(Reason.NOT_JSON, "an event is one JSON object")
        field = field_at(self._tree, self._fields, location)
        if kind == "missing":
            message = "is missing"
        elif field is None or kind == "extra_forbidden":
            message = PLACE.get(kind, FORM["json"]).format(**context)
        elif kind in BOUND and field.type in BOUNDED:
            message = BOUND[kind].format(**context)
        else:
            message = form(field)
        name = _told(location)
        return RejectedError(Reason.SCHEMA, f"{name} {message}", name)


def form(field: Field) -> str:
    """Say what a field's value must look like."""
    if isinstance(field, StringField) and field.format is not None:
        return FORMATS[field.format].form
    if isinstance(field, TimestampField) and field.epoch is not None:
        return f"must be a number of {field.epoch} since 1970, {YEARS}"
    if isinstance(field, TimestampField) and field.timezone is not None:
        return f"{MOMENT}, {YEARS}; without a UTC offset it is {field.timezone} time"
    if isinstance(field, DecimalField):
        digits = f"{field.precision - field.scale} digits before and {field.scale} after the point"
        return f'must be a decimal in a string, such as "12.50", with up to {digits}'
    return FORM[field.type]


def check_numbers(raw: bytes) -> None:
    """Refuse NaN and infinities, which pydantic reads though JSON has none."""
    if b"NaN" in raw or b"Infinity" in raw:
        try:
            json.loads(raw, parse_constant=_no_number, parse_int=str, parse_float=str)
        except (ValueError, RecursionError):
            return  # what else is wrong with it is not for here


def _no_number(word: str) -> NoReturn:
    raise RejectedError(Reason.NOT_JSON, f"not JSON: {word} is no number there")


def _told(way: Way) -> str:
    return dotted(way)[:MAX_NAME]


def _nul_in(value: Any, way: Way) -> Iterator[Way]:
    if isinstance(value, str):
        if "\0" in value:
            yield way
    elif isinstance(value, dict):
        for key, inner in value.items():
            if "\0" in key:
                yield way
            yield from _nul_in(inner, (*way, key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _nul_in(inner, (*way, index))
