"""The conditions of a topic file: what must hold of a row for a step to do something.

    {field: country, is: DE}             {field: paid_at, missing: true}
    {field: country, in: [DE, AT]}       {field: label, matches: "^test-"}
    {field: cents, at_least: 100}        {field: cents, at_most: 900}
    {all: [..]}   {any: [..]}   {not: ..}

A missing value (null) fits none of the comparisons, so `not` of one holds for it.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, cast

from pydantic import Discriminator, Field, Tag
from pydantic_core import SchemaError, SchemaValidator, core_schema

from app.core.transforms.columns import Columns, Options, Row, Source, existing
from app.core.transforms.constants import ORDERED, Scalar, constant

Test = Callable[[Row], bool]


class Is(Options):
    """The value is this one."""

    field: Source
    wanted: Scalar = Field(alias="is")

    def on(self, columns: Columns, where: str) -> Test:
        name, wanted = self.field, constant(columns, self.field, self.wanted, where, "is")
        return lambda row: bool(row[name] == wanted)


class In(Options):
    """The value is one of these."""

    field: Source
    wanted: tuple[Scalar, ...] = Field(alias="in", min_length=1)

    def on(self, columns: Columns, where: str) -> Test:
        name = self.field
        wanted = frozenset(
            constant(columns, name, one, where, f"in.{index}")
            for index, one in enumerate(self.wanted)
        )
        return lambda row: row[name] in wanted


class Missing(Options):
    """There is no value; with `false`: there is one."""

    field: Source
    missing: bool

    def on(self, columns: Columns, where: str) -> Test:
        name, missing = self.field, self.missing
        existing(columns, name, key=f"{where}.field")
        return lambda row: (row[name] is None) is missing


class AtLeast(Options):
    """The value is this one or more, or later."""

    field: Source
    wanted: Scalar = Field(alias="at_least")

    def on(self, columns: Columns, where: str) -> Test:
        existing(columns, self.field, *ORDERED, key=f"{where}.field")
        name, least = self.field, constant(columns, self.field, self.wanted, where, "at_least")
        return lambda row: (value := row[name]) is not None and bool(value >= least)


class AtMost(Options):
    """The value is this one or less, or earlier."""

    field: Source
    wanted: Scalar = Field(alias="at_most")

    def on(self, columns: Columns, where: str) -> Test:
        existing(columns, self.field, *ORDERED, key=f"{where}.field")
        name, most = self.field, constant(columns, self.field, self.wanted, where, "at_most")
        return lambda row: (value := row[name]) is not None and bool(value <= most)


class Matches(Options):
    """The regular expression is found somewhere in the text; anchor it with ^ and $."""

    field: Source
    matches: str

    def on(self, columns: Columns, where: str) -> Test:
        existing(columns, self.field, "string", key=f"{where}.field")
        name, found = self.field, _finder(self.matches, f"{where}.matches")
        return lambda row: (value := row[name]) is not None and found(value)


class All(Options):
    """Every one of them holds."""

    all: tuple["Condition", ...] = Field(min_length=1)

    def on(self, columns: Columns, where: str) -> Test:
        tests = [one.on(columns, f"{where}.all.{index}") for index, one in enumerate(self.all)]
        return lambda row: all(test(row) for test in tests)


class AnyOf(Options):
    """At least one of them holds."""

    any: tuple["Condition", ...] = Field(min_length=1)

    def on(self, columns: Columns, where: str) -> Test:
        tests = [one.on(columns, f"{where}.any.{index}") for index, one in enumerate(self.any)]
        return lambda row: any(test(row) for test in tests)


class Not(Options):
    """It does not hold."""

    negated: "Condition" = Field(alias="not")

    def on(self, columns: Columns, where: str) -> Test:
        test = self.negated.on(columns, f"{where}.not")
        return lambda row: not test(row)


KINDS: Mapping[str, type[Options]] = {
    "is": Is,
    "in": In,
    "missing": Missing,
    "at_least": AtLeast,
    "at_most": AtMost,
    "matches": Matches,
    "all": All,
    "any": AnyOf,
    "not": Not,
}


def _kind(condition: Any) -> str | None:
    """Name the class by the one key that tells; two such keys are one too many."""
    if isinstance(condition, Options):
        return type(condition).__name__
    found = [key for key in KINDS if isinstance(condition, Mapping) and key in condition]
    return KINDS[found[0]].__name__ if len(found) == 1 else None


Condition = Annotated[
    Annotated[Is, Tag("Is")]
    | Annotated[In, Tag("In")]
    | Annotated[Missing, Tag("Missing")]
    | Annotated[AtLeast, Tag("AtLeast")]
    | Annotated[AtMost, Tag("AtMost")]
    | Annotated[Matches, Tag("Matches")]
    | Annotated[All, Tag("All")]
    | Annotated[AnyOf, Tag("AnyOf")]
    | Annotated[Not, Tag("Not")],
    Discriminator(
        _kind,
        custom_error_type="condition",
        custom_error_message=(
            "must be a condition: {field: .., and one of is, in, missing, at_least, at_most, "
            "matches}, or one of {all: [..]}, {any: [..]}, {not: ..}"
        ),
    ),
]


def compiled(condition: Condition, columns: Columns, where: str = "if") -> Test:
    """Compile a condition for rows of these columns; the test is pure and raises nothing.

    Raises:
        ValueError: `(path, what)` where a field or a compared value does not fit; `where` is
            the option that holds the condition.
    """
    return condition.on(columns, where)


def _finder(pattern: str, key: str) -> Callable[[str], bool]:
    # Rust's regex, as in a field's pattern: it takes linear time whatever the file and the text.
    try:
        valid = SchemaValidator(core_schema.str_schema(pattern=pattern)).isinstance_python
    except SchemaError:
        raise ValueError(key, "no regular expression that Rust's regex understands") from None
    return cast(Callable[[str], bool], valid)
