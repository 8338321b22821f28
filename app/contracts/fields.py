"""What a field of an event may say, one class per type.

A new type is one class here, one line in `Field`, and one line in `app.contracts.types.TYPES`.
"""

import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, JsonValue, Tag
from pydantic import Field as Says

from app.core.pii import Pii
from app.core.values import MAX_INTEGER

FormatName = Literal["email", "url", "ip", "country", "currency", "language"]
Unknown = Literal["reject", "drop", "keep"]
Way = tuple[str | int, ...]
NAME = r"^[a-z][a-z0-9_]*$"
MAX_INDEX = 99  # each place of a list up to the one that is lifted is looked at
MAX_DEPTH = 8
MAX_TEXT = 16_777_216  # characters; Snowflake's longest VARCHAR
MAX_ITEMS = 1_000_000  # no event has so many bytes


class Strict(BaseModel):
    """Immutable, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _step_kind(step: object) -> str:
    return "index" if type(step) is int else "key"


def _path_kind(path: object) -> str:
    return "list" if isinstance(path, list | tuple) else "text"


# Told apart before they are looked at, so that a mistake is said once and not for each kind.
Key = Annotated[str, Says(min_length=1)]
Index = Annotated[int, Says(ge=0, le=MAX_INDEX)]
PathStep = Annotated[
    Annotated[Key, Tag("key")] | Annotated[Index, Tag("index")], Discriminator(_step_kind)
]
PathSteps = Annotated[tuple[PathStep, ...], Says(min_length=1)]
Path = Annotated[
    Annotated[Key, Tag("text")] | Annotated[PathSteps, Tag("list")], Discriminator(_path_kind)
]


class _Field(Strict):
    about: str = Says(
        "",
        min_length=10,
        description="One sentence, of 10 characters at least, for a reader who was not there; "
        "a column comment.",
    )
    optional: bool = Says(False, description="May be absent or null.")
    default: JsonValue = Says(
        None, description="Lands where the value is absent or null; the column has no nulls then."
    )
    deprecated: datetime.date | None = Says(
        None, description="To be sent no more from this day on; still taken, with a warning."
    )
    path: Path | None = Says(
        None,
        description="Where the value is in the event as sent, such as pull_request.user.login. "
        "As a list, [labels, 0, name], keys may have dots. Left out: under the field's name.",
    )
    pii: Pii | None = Says(
        None,
        description="What the warehouse may see: the value, a keyed hash of it, or nothing. "
        "Required on strings and json: silence is no decision.",
    )

    @property
    def required(self) -> bool:
        """Whether every event must have it."""
        return not self.optional and self.default is None

    def way(self, name: str) -> Way:
        """The keys and list indexes that lead to the value of the field called `name`."""
        if self.path is None:
            return (name,)
        if isinstance(self.path, tuple):
            return self.path
        parts = self.path.split(".")
        return tuple(int(p) if p.isascii() and p.isdigit() else p for p in parts)


class _Lenient(_Field):
    lenient: bool = Says(
        False,
        description='Take the other usual spelling too, such as "12" for 12; each is counted.',
    )


class StringField(_Lenient):
    """Text without NUL characters. Lenient: a whole number, for its digits."""

    type: Literal["string"]
    min_length: int | None = Says(None, gt=0, le=MAX_TEXT, description="In characters.")
    max_length: int | None = Says(None, gt=0, le=MAX_TEXT, description="In characters.")
    pattern: str | None = Says(
        None, description="Regular expression found somewhere in the value; anchor with ^ and $."
    )
    one_of: tuple[str, ...] | None = Says(None, min_length=1, description="The values there are.")
    format: FormatName | None = Says(
        None,
        description="What the text is. country: two letters of ISO 3166; currency: three of "
        "ISO 4217; language: a BCP 47 tag such as de-CH; url: absolute.",
    )


class IntegerField(_Lenient):
    """A whole number of up to 38 digits. Lenient: "12" and 12.0 too."""

    type: Literal["integer"]
    minimum: int = Says(-MAX_INTEGER, ge=-MAX_INTEGER, le=MAX_INTEGER)
    maximum: int = Says(MAX_INTEGER, ge=-MAX_INTEGER, le=MAX_INTEGER)


class NumberField(_Lenient):
    """A finite number in double precision; use `decimal` for money. Lenient: "12.5" too."""

    type: Literal["number"]
    minimum: float | None = Says(None, allow_inf_nan=False)
    maximum: float | None = Says(None, allow_inf_nan=False)


class DecimalField(_Lenient):
    """An exact number, sent as a JSON string such as "12.50" or as a JSON integer.

    Lenient: a JSON number with a point too, unless a double would not hold all of its digits.
    """

    type: Literal["decimal"]
    precision: int = Says(38, ge=1, le=38, description="Digits in all.")
    scale: int = Says(ge=0, le=37, description="Digits after the point.")
    minimum: Decimal | None = Says(None, allow_inf_nan=False)
    maximum: Decimal | None = Says(None, allow_inf_nan=False)


class BooleanField(_Lenient):
    """True or false. Lenient: "true", "False", 0 and 1 too."""

    type: Literal["boolean"]


class UuidField(_Field):
    """A UUID as 8-4-4-4-12 hexadecimal digits; it lands in lower case."""

    type: Literal["uuid"]


class TimestampField(_Lenient):
    """An instant in ISO 8601 with a UTC offset; lands in UTC, finer than a microsecond is cut.

    Lenient: t and z in lower case, UTC for Z, a space before the offset; of a number since 1970,
    in quotes or in ISO 8601.
    """

    type: Literal["timestamp"]
    epoch: Literal["seconds", "milliseconds"] | None = Says(
        None, description="It is sent as a JSON number since 1970 instead; may have a fraction."
    )
    timezone: str | None = Says(
        None,
        description="Whose time it is where there is no offset, such as Europe/Berlin. Of an hour "
        "that comes twice it is the first. Left out: without an offset it is rejected.",
    )


class DateField(_Lenient):
    """A calendar day, `2026-03-01`. Lenient: 20260301 too, and a timestamp for the day in it."""

    type: Literal["date"]


class JsonField(_Field):
    """Any JSON, kept whole."""

    type: Literal["json"]


class ListField(_Field):
    """Values of one kind, in order. They land as one JSON value."""

    type: Literal["list"]
    items: "Field" = Says(description="What each of them is; none may be null.")
    min_items: int | None = Says(None, gt=0, le=MAX_ITEMS)
    max_items: int | None = Says(None, gt=0, le=MAX_ITEMS)


class ObjectField(_Field):
    """Fields of its own, each under its name.

    It lands as one JSON value that has all of them, in this order; null where one is absent.
    """

    type: Literal["object"]
    fields: dict[Key, "Described"] = Says(min_length=1)
    unknown: Unknown = Says("reject", description="What is done with keys that are not here.")


Field = Annotated[
    StringField
    | IntegerField
    | NumberField
    | DecimalField
    | BooleanField
    | UuidField
    | TimestampField
    | DateField
    | JsonField
    | ListField
    | ObjectField,
    Says(discriminator="type"),
]
Described = Annotated[Field, Says(json_schema_extra={"required": ["about"]})]
"""Every field but the items of a list must say what it is about; `check` sees to it."""
