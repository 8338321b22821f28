"""A contract with a field of each type, and random events of it."""

import functools
import json
import tempfile
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from app.contracts.compile import compile_contract
from app.contracts.model import Contract
from app.core.judge import EventType
from app.core.values import FIRST_YEAR, LAST_YEAR, MAX_INTEGER

from .topic_files import with_fields

FIELDS = """\
text: {type: string, pii: keep, about: "Any text that there is."}
whole: {type: integer, about: "A whole number of any size."}
real: {type: number, about: "A number with a fraction."}
money: {type: decimal, precision: 38, scale: 9, about: "An exact number, with a fraction."}
truth: {type: boolean, about: "Either true or false."}
on_day: {type: date, about: "A day of the calendar."}
at: {type: timestamp, about: "A moment in any time zone."}
tree: {type: json, pii: keep, about: "Any JSON that there is."}
maybe_text: {type: string, pii: keep, optional: true, about: "Text that may be missing."}
maybe_at: {type: timestamp, optional: true, about: "A moment that may be missing."}
maybe_tree: {type: json, pii: keep, optional: true, about: "JSON that may be missing."}
sizes: {type: list, items: {type: integer}, about: "Some numbers, in order."}
basket:
  type: list
  optional: true
  items:
    type: object
    fields:
      name: {type: string, pii: keep, about: "What it is called."}
      price: {type: decimal, precision: 38, scale: 9, about: "An exact number, with a fraction."}
      dotted.name: {type: json, pii: keep, optional: true, about: "A key that has a dot."}
      days: {type: list, items: {type: date}, about: "Days of the calendar."}
  about: "A list of objects."
"""


@functools.cache
def contract(by: str = "scan_id", keep: str = "first") -> Contract:
    with tempfile.TemporaryDirectory() as folder:
        changes = [("by: [scan_id], keep: first", f"by: [{by}], keep: {keep}")]
        changes += [
            ("    max_length: 20\n", ""),
            ("transform:\n  - {do: trim, field: parcel_id}\n", ""),
        ]
        return with_fields(Path(folder), FIELDS, *changes)


@functools.cache
def kind(by: str = "scan_id", keep: str = "first") -> EventType:
    return compile_contract(contract(by, keep))


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
wholes = st.integers(-MAX_INTEGER, MAX_INTEGER)
reals = st.floats(allow_nan=False, allow_infinity=False)
moneys = st.decimals(-(10**28), 10**28, places=9).map(lambda money: format(money, "f"))
days = st.dates(date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31)).map(str)
offsets = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(
    datetime(FIRST_YEAR, 1, 1),  # noqa: DTZ001 (the zone is added)
    datetime(LAST_YEAR, 12, 31),  # noqa: DTZ001
    timezones=offsets,
).map(datetime.isoformat)
trees = st.recursive(
    st.none() | st.booleans() | wholes | reals | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
some_trees = trees.filter(lambda tree: tree is not None)

objects = st.fixed_dictionaries(
    {
        "name": texts,
        "price": moneys,
        "dotted.name": trees,
        "days": st.lists(days, max_size=3),
    }
)

# Events as an app would build them, before they are written as JSON.
events: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "scan_id": st.uuids().map(str) | st.uuids().map(lambda one: str(one).upper()),
        "scanned_at": moments,
        "parcel_id": texts,
        "text": texts,
        "whole": wholes,
        "real": reals,
        "money": moneys,
        "truth": st.booleans(),
        "on_day": days,
        "at": moments,
        "tree": some_trees,
        "sizes": st.lists(wholes, max_size=3),
    },
    optional={
        "weight_grams": st.none() | st.integers(1, 100_000),
        "maybe_text": st.none() | texts,
        "maybe_at": st.none() | moments,
        "maybe_tree": trees,
        "basket": st.none() | st.lists(objects, max_size=3),
    },
)


def sent(event: dict[str, Any]) -> bytes:
    """An event as an app sends it."""
    return json.dumps(event).encode()
