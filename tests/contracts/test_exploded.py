"""Events that become several rows, or none, or are left out: from the bytes to the lines."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.contracts.compile import compile_contract
from app.contracts.examples import run_examples
from app.contracts.model import Contract
from app.contracts.openapi import openapi
from app.core.errors import Reason, Rejected
from app.core.judge import Accepted, Filtered, Verdict, judge

from .carts import CART
from .topic_files import changed, load

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PII = b"a key of the tests"


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return load(tmp_path, CART, "cart_bought.yaml")["cart_bought"]


def bought(*lines: dict[str, Any], **fields: Any) -> bytes:
    cart = {"cart_id": "c1", "bought_at": NOON.isoformat(), "buyer": "a@example.org"}
    return orjson.dumps(cart | {"lines": list(lines)} | fields)


def verdict(contract: Contract, raw: bytes) -> Verdict:
    return judge(compile_contract(contract, PII), raw, NOON)


def landed(contract: Contract, raw: bytes) -> list[dict[str, Any]]:
    found = verdict(contract, raw)
    assert isinstance(found, Accepted), found
    kind = compile_contract(contract, PII)
    return [orjson.loads(kind.line(row, found.day)) for row in found.rows]


def test_each_item_is_a_row_with_all_that_the_event_says_and_its_own_personal_data(
    contract: Contract,
) -> None:
    lines = [{"sku": "a", "cents": 1, "note": "for me", "card": "1234"}, {"sku": "b", "cents": 2}]
    first, second = landed(contract, bought(*lines))
    assert list(first) == [c.name for c in contract.table.columns if c.name[0] != "_"]
    assert (first["line_number"], first["line_sku"], first["line_cents"]) == (0, "A", 1)
    assert (second["line_number"], second["line_sku"], second["line_note"]) == (1, "B", None)
    shared = ("day", "cart_id", "bought_at", "buyer", "test")
    assert {name: first[name] for name in shared} == {name: second[name] for name in shared}
    for hashed in (first["buyer"], first["line_note"]):
        assert ":" in hashed
        assert "@" not in hashed
    assert "1234" not in str(first)


def test_the_table_has_the_index_in_its_key_and_the_items_columns(contract: Contract) -> None:
    table = contract.table
    assert (table.key, table.index, table.event_key) == (
        ("cart_id", "line_number"), "line_number", ("cart_id",)
    )  # fmt: skip
    types = {column.name: (column.type, column.nullable) for column in table.columns}
    assert types["line_number"] == ("integer", False)
    assert types["line_note"] == ("string", True)
    assert not {"lines", "line_card"} & set(types)


def test_a_copy_is_the_same_event_whatever_is_in_its_list(contract: Contract) -> None:
    kind = compile_contract(contract, PII)
    keys = set()
    for raw in (bought({"sku": "a", "cents": 1}), bought(), bought(cart_id=" c1 ")):
        found = judge(kind, raw, NOON)
        assert isinstance(found, Accepted)
        keys.add(kind.dedupe_key(found.row))
    other = judge(kind, bought(cart_id="c2"), NOON)
    assert isinstance(other, Accepted)
    assert len(keys) == 1
    assert kind.dedupe_key(other.row) not in keys


def test_a_key_that_is_hashed_names_the_event_as_its_rows_do(tmp_path: Path) -> None:
    text = changed(("by: [cart_id]", "by: [buyer, cart_id]"), text=CART)
    contract = load(tmp_path, text, "cart_bought.yaml")["cart_bought"]
    found = verdict(contract, bought({"sku": "a", "cents": 1}))
    assert isinstance(found, Accepted)
    (row,) = found.rows
    assert found.row == {"buyer": row["buyer"], "cart_id": "c1"}


@pytest.mark.parametrize("lines", [{"lines": []}, {"lines": None}])
def test_an_event_with_nothing_in_its_list_is_accepted_and_has_no_rows(
    contract: Contract, lines: dict[str, Any]
) -> None:
    found = verdict(contract, bought(**lines))
    assert isinstance(found, Accepted)
    assert (found.rows, found.day) == ((), date(2026, 3, 1))
    assert found.row == {"cart_id": "c1"}


def test_an_event_that_is_left_out_says_why_and_has_its_own_day(contract: Contract) -> None:
    at = NOON - timedelta(days=2)
    found = verdict(contract, bought(test=True, bought_at=at.isoformat()))
    assert isinstance(found, Filtered)
    assert (found.day, found.why) == (date(2026, 2, 27), "test carts are not counted")
    assert compile_contract(contract, PII).partition_key(found.event) == b"c1"


def test_what_is_wrong_is_rejected_before_it_may_be_left_out(contract: Contract) -> None:
    wrong = verdict(contract, bought({"sku": "a", "cents": -1}, test=True))
    late = bought(test=True, bought_at=(NOON - timedelta(days=9)).isoformat())
    assert isinstance(wrong, Rejected)
    assert wrong.field == "lines.0.cents"
    assert isinstance(too_late := verdict(contract, late), Rejected)
    assert too_late.reason is Reason.TOO_LATE


def test_a_list_that_would_make_megabytes_of_rows_is_rejected_and_named(contract: Contract) -> None:
    many = [{"sku": "a", "cents": 1}] * 8_000
    kind = replace(compile_contract(contract, PII), max_bytes=1_000_000)
    found = judge(kind, bought(*many, buyer="b" * 500), NOON)
    assert isinstance(found, Rejected)
    assert (found.reason, found.field) == (Reason.TRANSFORM, "lines")
    assert found.message.startswith("lines is too long: 8000 items would be rows of about ")


@pytest.mark.parametrize(("old", "new", "told"), [
    ("    rows: []", "    rows: [{}]", "an empty cart»: should become 1 rows; it becomes 0"),
    ("line_sku: B, line_cents: 250", "line_sku: B, line_cents: 25",
     "two lines»: row 1: line_cents should be 25, it is 250"),
    ("test: true}\n    filtered: true", "test: true}\n    rows: []",
     "a cart of a test»: should land; it is filtered"),
    ("test: true}\n    filtered", "test: false}\n    filtered",
     "a cart of a test»: lands; it should be filtered"),
    ("cents: -1}]}", "cents: -1}], test: true}", None),
    ("cents: -1}]}", "cents: 1}], test: true}",
     "a gift has a price too»: should be rejected; it is filtered"),
    ("    rows: []", "    rejected: {reason: schema}",
     "an empty cart»: lands; it should be rejected"),
    ("test: true}\n    filtered", "test: 1}\n    filtered",
     "a cart of a test»: should be filtered; it is rejected: schema, field test: "),
])  # fmt: skip
def test_an_example_that_turns_out_otherwise_is_told(
    old: str, new: str, told: str | None, tmp_path: Path
) -> None:
    found = run_examples(load(tmp_path, changed((old, new), text=CART), "cart_bought.yaml"))
    assert len(found) == (told is not None)
    assert (told or "") in "".join(found)


def test_the_api_shows_the_events_that_land(contract: Contract) -> None:
    made = openapi({contract.event: contract})
    body = made["paths"]["/v1/events/cart_bought"]["post"]["requestBody"]["content"]
    assert list(body["application/json"]["examples"]) == ["two lines", "an empty cart"]
    assert "filtered" in made["components"]["schemas"]["Accepted"]["properties"]
