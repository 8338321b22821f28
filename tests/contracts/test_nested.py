"""Lists and objects land as one JSON value each, in the same form whatever way they were sent."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.contracts.compile import compile_contract
from app.contracts.types import sql_type
from app.core.errors import Reason, Rejected, RejectedError
from app.core.judge import EventType

from .everything import sent
from .test_paths import BASE
from .topic_files import with_fields

FIELDS = """\
lines:
  type: list
  min_items: 1
  max_items: 3
  about: What was in the basket.
  items:
    type: object
    fields:
      sku: {type: string, pii: keep, max_length: 8, about: "The article's number."}
      price: {type: decimal, precision: 10, scale: 2, about: "What one of them costs."}
      quantity: {type: integer, minimum: 1, default: 1, about: "How many of them."}
      sold_at: {type: timestamp, optional: true, about: "When it was sold, if it was."}
      tags: {type: list, optional: true, items: {type: string, pii: keep}, about: "What it is."}
place:
  type: object
  optional: true
  unknown: keep
  about: Where the shop is.
  fields:
    city: {type: string, pii: keep, about: "The city it is in."}
    opened: {type: date, optional: true, about: "The day it opened."}
"""
LINE = {"sku": "A-1", "price": "9.5"}


@pytest.fixture
def kind(tmp_path: Path) -> EventType:
    return compile_contract(with_fields(tmp_path, FIELDS))


def landed(kind: EventType, **fields: Any) -> dict[str, Any]:
    row = kind.transform(kind.parse(sent(BASE | {"lines": [LINE]} | fields)))
    line: dict[str, Any] = json.loads(kind.line(row, date(2026, 3, 1)))
    return line


def test_what_a_list_holds_is_as_typed_as_any_field(kind: EventType) -> None:
    line = kind.parse(sent(BASE | {"lines": [LINE]}))["lines"][0]
    assert line["price"] == Decimal("9.50")
    assert line["quantity"] == 1


def test_each_object_lands_with_all_its_keys_in_the_contracts_order(kind: EventType) -> None:
    given = {"price": 9, "sold_at": "2026-03-01T13:00:00+01:00", "sku": "A-1", "tags": None}
    (line,) = landed(kind, lines=[given])["lines"]
    assert list(line.items()) == [
        ("sku", "A-1"),
        ("price", "9.00"),
        ("quantity", 1),
        ("sold_at", "2026-03-01T12:00:00.000000Z"),
        ("tags", None),
    ]


def test_an_object_that_keeps_what_is_unknown_has_it_behind_its_own(kind: EventType) -> None:
    place = landed(kind, place={"zip": None, "city": "Ulm", "more": [1.5]})["place"]
    assert list(place.items()) == [
        ("city", "Ulm"),
        ("opened", None),
        ("zip", None),
        ("more", [1.5]),
    ]


def test_two_writings_of_one_value_are_one_copy(tmp_path: Path) -> None:
    last = ("keep: first", "keep: last")
    kind = compile_contract(with_fields(tmp_path, FIELDS, last))
    one, same, other = (
        kind.dedupe_key(kind.transform(kind.parse(sent(BASE | {"lines": [line]}))))
        for line in (LINE, {"quantity": 1, "price": "9.50", "sku": "A-1"}, LINE | {"quantity": 2})
    )
    assert one == same != other


@pytest.mark.parametrize(
    ("fields", "place", "message"),
    [
        ({"lines": None}, "lines", "must be a list"),
        ({"lines": {}}, "lines", "must be a list"),
        ({"lines": []}, "lines", "must have at least 1 items"),
        ({"lines": [LINE] * 4}, "lines", "may have at most 3 items"),
        ({"lines": [None]}, "lines.0", "must be an object"),
        ({"lines": [LINE, {"sku": "A"}]}, "lines.1.price", "is missing"),
        ({"lines": [LINE | {"quantity": 0}]}, "lines.0.quantity", "must be 1 or more"),
        ({"lines": [LINE | {"sku": "A" * 9}]}, "lines.0.sku", "may have at most 8 characters"),
        ({"lines": [LINE | {"sku": "\0"}]}, "lines.0.sku", "must not hold a NUL character"),
        ({"lines": [LINE | {"tags": ["a", 1]}]}, "lines.0.tags.1", "must be a string"),
        (
            {"lines": [LINE | {"colour": 1}]},
            "lines.0.colour",
            "is not in the contract; leave it out, or add it to the topic file",
        ),
        ({"place": "Ulm"}, "place", "must be an object"),
        ({"place": {}}, "place.city", "is missing"),
    ],
)
def test_a_rejection_names_the_place_inside(
    kind: EventType, fields: dict[str, Any], place: str, message: str
) -> None:
    with pytest.raises(RejectedError) as caught:
        landed(kind, **fields)
    assert caught.value.verdict == Rejected(Reason.SCHEMA, f"{place} {message}", place)


def test_both_warehouses_hold_them_as_json(tmp_path: Path) -> None:
    table = with_fields(tmp_path, FIELDS).table
    columns = {c.name: (sql_type(c, "snowflake"), sql_type(c, "duckdb")) for c in table.columns}
    assert columns["lines"] == columns["place"] == ("VARIANT", "JSON")
    assert {c.name: c.nullable for c in table.columns}["lines"] is False


def test_a_default_lands_where_nothing_was_sent_and_the_column_has_no_nulls(tmp_path: Path) -> None:
    fields = """\
paid: {type: decimal, scale: 2, default: "0", about: "What was paid so far."}
tags: {type: list, default: [new], items: {type: string, pii: keep}, about: "What it is."}
"""
    contract = with_fields(tmp_path, fields)
    kind = compile_contract(contract)
    for given in ({}, {"paid": None, "tags": None}):
        row = kind.parse(sent(BASE | given))
        assert (row["paid"], row["tags"]) == (Decimal("0.00"), ["new"])
    assert kind.parse(sent(BASE | {"paid": "1.5", "tags": []}))["tags"] == []
    nullable = {c.name: c.nullable for c in contract.table.columns}
    assert not nullable["paid"]
    assert not nullable["tags"]
