"""What a file says wrongly about events that are several rows, or left out, and what to do."""

from pathlib import Path

import pytest

from app.contracts.load import load_contracts
from app.core.errors import Fatal

from .carts import CART
from .topic_files import PARCEL, changed, write

LANDED = "cart_id, bought_at, buyer, test, line_number, line_sku, line_cents, line_note"
EXPLODE = "  - {do: explode, field: lines, index: line_number, prefix: line_}\n"
DROP = '  - {do: drop_event, if: {field: test, is: true}, why: "test carts are not counted"}\n'
UPPER = "  - {do: upper, field: line_sku}\n"

# what is broken: (old text, new text, message after the file's name)
BROKEN: dict[str, tuple[str, str, str]] = {
    "two explodes": (
        EXPLODE,
        EXPLODE + EXPLODE.replace("lines", "others"),
        "transform.3.field: there is no «others» at this step; there is cart_id, bought_at, "
        "buyer, test, line_number, line_sku, line_cents, line_note, line_card",
    ),
    "an event left out after the explode": (
        DROP + EXPLODE,
        EXPLODE + DROP,
        "transform.2.do: leaves out whole events; put it before the explode",
    ),
    "a key that is changed after the explode": (
        UPPER,
        "  - {do: upper, field: cart_id}\n",
        "transform.3.field: «cart_id» names the event, whose rows are made by now; put it before "
        "explode",
    ),
    "a key of the items": (
        "by: [cart_id]",
        "by: [cart_id, line_sku]",
        "dedupe.by.1: «line_sku» is made by the explode, or after it; name what the whole event "
        "has",
    ),
    "the index as a key": (
        "by: [cart_id]",
        "by: [cart_id, line_number]",
        "dedupe.by.1: «line_number» is made by the explode, or after it; name what the whole "
        "event has",
    ),
    "the newest copy of several rows": (
        "keep: first",
        "keep: last",
        "dedupe.keep: last is for events of one row; with an explode say first",
    ),
    "items that keep what is unknown": (
        "      type: object\n",
        "      type: object\n      unknown: keep\n",
        "transform.2.field: items of «lines» keep what is unknown, and no column takes it; say "
        "unknown: reject or drop there",
    ),
    "exploding what is no list": (
        "do: explode, field: lines",
        "do: explode, field: buyer",
        "transform.2.field: «buyer» is string; it must be list",
    ),
    "exploding nothing": (
        "do: explode, field: lines",
        "do: explode, field: items",
        "transform.2.field: there is no «items» at this step; there is cart_id, bought_at, buyer, "
        "test, lines",
    ),
    "an explode without an index": (
        ", index: line_number, prefix",
        ", prefix",
        "transform.2.index: is missing; add it",
    ),
    "an index that is a column": (
        "index: line_number",
        "index: test",
        "transform.2.index: «test» exists already; choose another name",
    ),
    "a column of objects": (
        ", prefix: line_}",
        ", prefix: line_, to: thing}",
        "transform.2.to: an item is an object, whose fields are columns; remove it",
    ),
    "a list as an index": (
        "index: line_number",
        "index: [line_number]",
        "transform.2.index: must be text; put it in quotes",
    ),
    "an event left out without a reason": (
        ', why: "test carts are not counted"}',
        "}",
        "transform.1.why: is missing; add it",
    ),
    "an event left out without a condition": (
        "do: drop_event, if: {field: test, is: true}, why",
        "do: drop_event, why",
        "transform.1.if: is missing; add it",
    ),
    "an event left out for what it has not": (
        "if: {field: test, is: true}",
        "if: {field: tests, is: true}",
        "transform.1.if.field: there is no «tests» at this step; there is cart_id, bought_at, "
        "buyer, test, lines",
    ),
    "an example of one row": (
        "    rows: []\n",
        "    row: {}\n",
        "examples.1.row: an event is several rows here; say rows: [..]",
    ),
    "an example that is left out and has rows": (
        "    rows: []\n",
        "    rows: []\n    filtered: true\n",
        "examples.1: say what becomes of it: either row, rows, filtered or rejected",
    ),
    "an example that is not left out": (
        "    filtered: true\n",
        "    filtered: false\n",
        "examples.2.filtered: must be True",
    ),
    "an example of rows with no column": (
        "{cart_id: c1, line_number: 1, line_sku: B",
        "{cart_id: c1, line_no: 1, line_sku: B",
        f"examples.0.rows.1.line_no: «line_no» is no column; there is day, {LANDED}",
    ),
}  # fmt: skip


def refusal(folder: Path, text: str, name: str = "cart_bought.yaml") -> str:
    with pytest.raises(Fatal) as caught:
        load_contracts(write(folder, {name: text}))
    return str(caught.value)


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_wrong_about_rows_says_what_to_do(what: str, tmp_path: Path) -> None:
    old, new, message = BROKEN[what]
    told = refusal(tmp_path, changed((old, new), text=CART))
    assert told.splitlines()[0] == f"{tmp_path / 'cart_bought.yaml'}: {message}"


def test_a_file_without_explode_has_examples_of_one_row(tmp_path: Path) -> None:
    row = 'row: {day: "2026-03-01", parcel_id: P1}'
    text = changed((row, 'rows: [{day: "2026-03-01", parcel_id: P1}]'), text=PARCEL)
    told = refusal(tmp_path, text, "parcel_scanned.yaml")
    assert told.endswith("examples.0.rows: an event is one row here, for want of explode; say row")


def test_a_second_list_can_not_be_exploded_too(tmp_path: Path) -> None:
    tags = '  tags: {type: list, about: "What it is called.", items: {type: integer}}\nkafka: {key'
    second = "  - {do: explode, field: tags, index: n, to: tag}\n"
    text = changed(("kafka: {key", tags), (UPPER, UPPER + second), text=CART)
    told = refusal(tmp_path, text)
    assert told.endswith("transform.4.do: there is an explode already; an event has one")


def test_the_unbroken_file_is_good(tmp_path: Path) -> None:
    load_contracts(write(tmp_path, {"cart_bought.yaml": CART}))
