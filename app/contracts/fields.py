"""What a field of an event may say, one class per type.

A new type is one class here, one line in `Field`, and one line in `app.contracts.types.TYPES`.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Says

from app.core.pii import Pii
from app.core.values import MAX_INTEGER

NAME = r"^[a-z][a-z0-9_]*$"


class Strict(BaseModel):
    """Immutable, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Field(Strict):
    about: str = Says(
        min_length=10, description="One sentence for a reader who was not there; a column comment."
    )
    optional: bool = Says(False, description="May be absent or null.")
    pii: Pii | None = Says(
        None,
        description="What the warehouse may see: the value, a keyed hash of it, or nothing. "
        "Required on strings and json: silence is no decision.",
    )


class StringField(_Field):
    """Text without NUL characters."""

    type: Literal["string"]
    max_length: int | None = Says(None, gt=0, le=16_777_216, description="In characters.")
    pattern: str | None = Says(
        None, description="Regular expression found somewhere in the value; anchor with ^ and $."
    )
    one_of: tuple[str, ...] | None = Says(None, min_length=1, description="The values there are.")


class IntegerField(_Field):
    """A whole number of up to 38 digits."""

    type: Literal["integer"]
    minimum: int = Says(-MAX_INTEGER, ge=-MAX_INTEGER, le=MAX_INTEGER)
    maximum: int = Says(MAX_INTEGER, ge=-MAX_INTEGER, le=MAX_INTEGER)


class NumberField(_Field):
    """A finite number, held in double precision; use `decimal` for money."""

    type: Literal["number"]
    minimum: float | None = Says(None, allow_inf_nan=False)
    maximum: float | None = Says(None, allow_inf_nan=False)


class DecimalField(_Field):
    """An exact number, sent as a JSON string such as "12.50" or as a JSON integer."""

    type: Literal["decimal"]
    precision: int = Says(38, ge=1, le=38, description="Digits in all.")
    scale: int = Says(ge=0, le=37, description="Digits after the point.")


class BooleanField(_Field):
    """True or false."""

    type: Literal["boolean"]


class UuidField(_Field):
    """A UUID as 8-4-4-4-12 hexadecimal digits; it lands in lower case."""

    type: Literal["uuid"]


class TimestampField(_Field):
    """An instant in ISO 8601 with a UTC offset; lands in UTC, finer than a microsecond is cut."""

    type: Literal["timestamp"]


class DateField(_Field):
    """A calendar day, `2026-03-01`."""

    type: Literal["date"]


class JsonField(_Field):
    """Any JSON, kept whole."""

    type: Literal["json"]


Field = Annotated[
    StringField
    | IntegerField
    | NumberField
    | DecimalField
    | BooleanField
    | UuidField
    | TimestampField
    | DateField
    | JsonField,
    Says(discriminator="type"),
]
