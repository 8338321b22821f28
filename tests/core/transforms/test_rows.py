"""Steps that decide how many rows an event becomes."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from app.core.errors import FilteredError, Reason, RejectedError
from app.core.transforms import Columns, Landing, Transform

parse = TypeAdapter[Any](Transform).validate_json
LINE: Columns = {
    "sku": Landing("string", False, "What it is called.", "hash", 20),
    "cents": Landing("integer", True, "What one costs."),
}
COLUMNS: Columns = {
    "cart_id": Landing("string", False, "The name of the cart."),
    "lines": Landing(
        "list", True, "What is in it.", items=Landing("object", False, "", fields=LINE)
    ),
    "tags": Landing(
        "list", False, "What it is called.", items=Landing("string", False, "", "drop")
    ),
    "loose": Landing("list", True, "Nobody knows what."),
    "secret": Landing("list", True, "Not to be seen.", "drop", items=Landing("string", False, "")),
    "at": Landing("timestamp", False, "When it was bought."),
}
EXPLODE = {"do": "explode", "field": "lines", "index": "line"}


def step(**options: Any) -> Any:
    return parse(json.dumps(options))


def row(**fields: Any) -> dict[str, Any]:
    return (
        dict.fromkeys(COLUMNS) | {"cart_id": "c1", "at": datetime(2026, 3, 1, tzinfo=UTC)} | fields
    )


@pytest.mark.parametrize(("cart", "dropped"), [("test-1", True), ("c1", False), (None, False)])
def test_an_event_is_left_out_where_the_condition_holds(cart: str | None, dropped: bool) -> None:
    drop = step(
        do="drop_event", why="test carts are not counted",
        **{"if": {"field": "cart_id", "matches": "^test-"}},
    )  # fmt: skip
    assert drop.columns(COLUMNS) == COLUMNS
    before = row(cart_id=cart)
    if dropped:
        with pytest.raises(FilteredError, match="test carts are not counted"):
            drop.step(COLUMNS)(before.copy())
    else:
        after = before.copy()
        drop.step(COLUMNS)(after)
        assert after == before


def test_items_that_are_objects_give_their_fields_as_columns() -> None:
    explode = step(**EXPLODE, prefix="line_")
    columns = explode.columns(COLUMNS)
    assert "lines" not in columns
    assert list(columns)[-3:] == ["line", "line_sku", "line_cents"]
    assert columns["line"].about == "Which item of lines the row is, from 0."
    assert (columns["line_sku"], columns["line_cents"]) == (LINE["sku"], LINE["cents"])
    lines = [{"sku": "a", "cents": 1}, {"sku": "b", "cents": None}]
    assert explode.rows(COLUMNS)(row(lines=lines)) == [
        rest | {"line": n, "line_sku": sku, "line_cents": cents}
        for rest in [{name: value for name, value in row().items() if name != "lines"}]
        for n, (sku, cents) in enumerate([("a", 1), ("b", None)])
    ]


def test_other_items_are_a_column_of_their_own() -> None:
    explode = step(do="explode", field="tags", index="n", to="tag", about="One of its tags.")
    columns = explode.columns(COLUMNS)
    assert columns["tag"] == Landing("string", False, "One of its tags.", "drop")
    made = explode.rows(COLUMNS)(row(tags=["x", "y"]))
    assert [(one["n"], one["tag"], one["cart_id"]) for one in made] == [
        (0, "x", "c1"), (1, "y", "c1")
    ]  # fmt: skip
    unsaid = step(do="explode", field="tags", index="n", to="tag").columns(COLUMNS)
    assert unsaid["tag"].about == "One of tags."


@pytest.mark.parametrize("lines", [None, []])
def test_an_empty_or_absent_list_makes_no_rows(lines: list[Any] | None) -> None:
    assert step(**EXPLODE).rows(COLUMNS)(row(lines=lines)) == []


@given(st.lists(st.fixed_dictionaries({"sku": st.text(), "cents": st.integers() | st.none()})))
def test_each_item_is_a_row_in_order_and_all_else_is_the_same(lines: list[dict[str, Any]]) -> None:
    made = step(**EXPLODE).rows(COLUMNS)(row(lines=lines))
    assert [one["line"] for one in made] == list(range(len(lines)))
    assert [{name: one[name] for name in LINE} for one in made] == lines
    for one in made:
        assert set(one) == set(step(**EXPLODE).columns(COLUMNS))
        assert {one[name] for name in ("cart_id", "at")} == {row()["cart_id"], row()["at"]}


@pytest.mark.parametrize("count", [4_000, 40_000])
def test_an_event_that_would_be_many_times_as_large_as_it_was_is_rejected(count: int) -> None:
    explode = step(do="explode", field="tags", index="n", to="tag")
    event = row(tags=["a"] * count)
    if count < 10_000:
        assert len(explode.rows(COLUMNS)(event)) == count
        event = row(tags=["a"] * count, cart_id="c" * 2_000)
    with pytest.raises(RejectedError, match="MB is the most") as error:
        explode.rows(COLUMNS)(event)
    assert (error.value.verdict.reason, error.value.verdict.field) == (Reason.TRANSFORM, "tags")


def test_rows_are_measured_in_bytes_as_they_are_stored() -> None:
    event = row(tags=["a"] * 60, cart_id="🎈" * 60_000)
    with pytest.raises(RejectedError, match="about 14 MB together, and 4 MB is the most"):
        step(do="explode", field="tags", index="n", to="tag").rows(COLUMNS)(event)


@pytest.mark.parametrize(("options", "key", "what"), [
    ({"field": "cart_id"}, "field", "«cart_id» is string; it must be list"),
    ({"field": "loose"}, "field", "nobody has said what the items of «loose» are"),
    ({"field": "secret"}, "field",
     "the pii of «secret» is drop; decide of its items, one by one"),
    ({"field": "tags"}, "to", "name the column of an item: it is string"),
    ({"field": "tags", "to": "tag", "prefix": "x_"}, "prefix",
     "an item is string and has no fields; remove it"),
    ({"field": "tags", "to": "at"}, "to", "«at» exists already; choose another name"),
    ({"field": "tags", "to": "n"}, "to", "«n» exists already; choose another name"),
    ({"index": "at"}, "index", "«at» exists already; choose another name"),
    ({"index": "sku"}, "prefix", "«sku» exists already; choose another name"),
    ({"to": "thing"}, "to", "an item is an object, whose fields are columns; remove it"),
    ({"about": "A line of it."}, "about",
     "an item is an object, whose fields are columns; remove it"),
])  # fmt: skip
def test_what_can_not_be_exploded_is_said(options: dict[str, Any], key: str, what: str) -> None:
    explode = step(**({"do": "explode", "field": "lines", "index": "n"} | options))
    with pytest.raises(ValueError, match=re.escape(what)) as error:
        explode.columns(COLUMNS)
    assert error.value.args == (key, what)


def test_a_name_that_is_none_of_a_column_is_refused() -> None:
    odd = {"Unit-Price": Landing("integer", False, "What one costs.")}
    columns = COLUMNS | {
        "lines": Landing("list", False, "", items=Landing("object", False, "", fields=odd))
    }
    told = "«line_Unit-Price» can not be a column: it takes 64 of a-z, 0-9 and _"
    with pytest.raises(ValueError, match=told) as error:
        step(**EXPLODE, prefix="line_").columns(columns)
    assert error.value.args == ("prefix", told)
