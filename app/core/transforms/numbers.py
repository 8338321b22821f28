"""Steps that make numbers, exactly: what does not fit is rejected and never rounded."""

import re
from collections.abc import Callable
from decimal import Context, Decimal
from math import isfinite
from typing import Literal

from pydantic import Field

from app.core.currencies import MAX_EXPONENT, exponents
from app.core.transforms.columns import (
    About,
    Columns,
    Name,
    Options,
    Row,
    Source,
    Step,
    derived,
    existing,
    new,
    refused,
    sent_as,
)

WIDE = Context(prec=80)
PRECISION = 38
WHOLE = re.compile(r"[+-]?[0-9]{1,38}")
REAL = re.compile(r"[+-]?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,4})?")


class ParseNumber(Options):
    """Add a number column that a string spells, such as "12.50"; other strings are rejected.

    Digits with an optional sign and an optional point; `number` takes 1.5e3 too. No spaces and
    no signs between thousands.
    """

    do: Literal["parse_number"]
    field: Source
    to: Name
    kind: Literal["integer", "number", "decimal"] = Field(
        alias="as", description="The type of the column."
    )
    precision: int | None = Field(None, ge=1, le=38, description="decimal: digits in all, or 38.")
    scale: int | None = Field(None, ge=0, le=37, description="decimal: digits after the point.")
    about: About

    def columns(self, columns: Columns) -> Columns:
        source = existing(columns, self.field, "string")
        new(columns, self.to)
        if self.kind == "decimal":
            if self.scale is None:
                raise ValueError("scale", "is missing; add it")
            if self.scale > self._precision:
                raise ValueError("scale", f"{self.scale} is more than precision {self._precision}")
        elif (self.precision, self.scale) != (None, None):
            key = "precision" if self.precision is not None else "scale"
            raise ValueError(key, f"is for decimal, not for {self.kind}; remove it")
        precision = self._precision if self.kind == "decimal" else None
        found = derived([source], self.kind, self.about, precision=precision, scale=self.scale)
        return {**columns, self.to: found}

    @property
    def _precision(self) -> int:
        return self.precision or PRECISION

    def step(self, columns: Columns) -> Step:
        source, to, (form, read) = self.field, self.to, self._reader()
        told = sent_as(columns, source)

        def step(row: Row) -> None:
            value = row[source]
            if value is None:
                row[to] = None
                return
            found = read(value)
            if found is None:
                raise refused(told, f"must be {form}")
            row[to] = found

        return step

    def _reader(self) -> tuple[str, Callable[[str], int | float | Decimal | None]]:
        if self.kind == "integer":
            return "a whole number of up to 38 digits", _integer
        if self.kind == "number":
            return "a finite number, such as 12.5 or 1e3", _number
        scale = self.scale or 0
        whole = self._precision - scale
        form = f"a decimal with up to {whole} digits before and {scale} after the point"
        point = rf"(\.[0-9]{{1,{scale}}})?" if scale else ""
        shape = re.compile(rf"[+-]?[0-9]{{1,{max(whole, 1)}}}{point}")
        limit = Decimal(10) ** whole

        def decimal(text: str) -> Decimal | None:
            number = Decimal(text) if shape.fullmatch(text) else limit
            # abs() would round to the 28 digits of Python's usual context.
            return exactly(number, scale) if number.copy_abs() < limit else None

        return form, decimal


def _integer(text: str) -> int | None:
    return int(text) if WHOLE.fullmatch(text) else None


def _number(text: str) -> float | None:
    if not REAL.fullmatch(text):
        return None
    number = float(text)
    return number if isfinite(number) else None


def exactly(number: Decimal, scale: int) -> Decimal:
    """Write a number with so many digits after the point, of which it has no more itself."""
    return (number or Decimal(0)).quantize(Decimal(1).scaleb(-scale), context=WIDE)  # no minus zero


class Code(Options):
    """The same currency in every event."""

    code: str = Field(description="ISO 4217, such as EUR.")


class MinorUnits(Options):
    """Add an amount as a decimal, made of cents or the like by the currency's ISO 4217 exponent.

    1250 is 12.50 in EUR, 1250 in JPY and 1.250 in KWD. A code that ISO 4217 does not have, or
    without a minor unit, is rejected; without a code or without a number there is no amount.
    """

    do: Literal["minor_units"]
    field: Source
    currency: str | Code = Field(description="A column with the code, or {code: EUR}.")
    to: Name
    about: About

    def columns(self, columns: Columns) -> Columns:
        sources = [existing(columns, self.field, "integer")]
        match self.currency:
            case Code(code=code) if code not in exponents():
                raise ValueError("currency.code", "no code of ISO 4217 such as EUR or JPY")
            case str(name) if name in exponents() and name not in columns:
                what = f"«{name}» is no column; for every event in {name} write {{code: {name}}}"
                raise ValueError("currency", what)
            case str(name):
                sources.append(existing(columns, name, "string", key="currency"))
        new(columns, self.to)
        found = derived(sources, "decimal", self.about, precision=PRECISION, scale=MAX_EXPONENT)
        return {**columns, self.to: found}

    def step(self, columns: Columns) -> Step:
        source, to, known, limit = self.field, self.to, exponents(), 10**PRECISION
        column = self.currency if isinstance(self.currency, str) else None
        fixed = self.currency.code if isinstance(self.currency, Code) else None
        digits = PRECISION - MAX_EXPONENT
        told = sent_as(columns, source)
        told_code = told if column is None else sent_as(columns, column)

        def step(row: Row) -> None:
            amount, code = row[source], fixed if column is None else row[column]
            if amount is None or code is None:
                row[to] = None
                return
            exponent = known.get(code)
            if exponent is None:
                raise refused(told_code, "must be a code of ISO 4217 such as EUR or JPY")
            if abs(amount) * 10 ** (MAX_EXPONENT - exponent) >= limit:
                raise refused(told, f"has more than {digits} digits as an amount")
            row[to] = Decimal(amount).scaleb(-exponent, WIDE).quantize(UNIT, context=WIDE)

        return step


UNIT = Decimal(1).scaleb(-MAX_EXPONENT)
