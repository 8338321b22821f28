"""Decimals that were sent as JSON numbers: exactly what was written lands, or nothing does."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from app.contracts.fields import DecimalField
from app.contracts.paths import Fields, dotted
from app.contracts.places import places, values_at
from app.core.errors import Reason, RejectedError

Read = Callable[..., Any]


class Text(str):
    """A JSON number as it was written."""

    __slots__ = ()


def reading_exactly(validate: Read, fields: Fields) -> Callable[[bytes], Any]:
    """Have decimals that were read as doubles looked at a second time, in the bytes themselves.

    A double holds 15 digits; of 0.1234567890123456789 it makes another number.
    """
    lenient = [
        place
        for place, field in places(fields)
        if isinstance(field, DecimalField) and field.lenient
    ]
    if not lenient:
        return validate

    def read(raw: bytes) -> Any:
        doubles: list[float] = []
        event = validate(raw, context=doubles)
        if doubles:
            written = json.loads(raw, parse_float=Text, parse_int=int)
            for place in lenient:
                for way, value in values_at(written, place):
                    if isinstance(value, Text) and Decimal(value) != Decimal(repr(float(value))):
                        name = dotted(way)
                        what = "has more digits than a JSON number keeps; send it in quotes"
                        raise RejectedError(Reason.SCHEMA, f"{name} {what}", name)
        return event

    return read
