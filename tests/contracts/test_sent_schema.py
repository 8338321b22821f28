"""The published schema and the parser agree on payloads from which values are lifted."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from app.contracts.compile import compile_contract
from app.contracts.model import Contract
from app.contracts.openapi import event_schema
from app.contracts.sample import sample_events
from app.core.errors import RejectedError

from .everything import sent
from .test_paths import BASE, PULL, contract
from .test_sample import HOUR, NOON

PAYLOADS: list[dict[str, Any]] = [
    PULL,
    PULL | {"labels": [7, {"name": "bug"}], "a.b": {"c": "x"}},
    PULL | {"labels": None, "a.b": None},
    PULL | {"labels": []},
    PULL | {"labels": [None, None]},
    PULL | {"labels": [7, {"name": "bug", "color": "red"}, {"name": "late"}]},
    PULL | {"labels": [7, None, None]},
    PULL | {"labels": {"0": 7}},
    PULL | {"labels": ["7"]},
    PULL | {"number": 3},
    {"pull_request": {"user": {"login": "ada", "id": 1}}},
    {"pull_request": {"user": {"login": None}}},
    {"pull_request": {"user": None}},
    {"pull_request": None},
    {"login": "ada"},
    {},
]
GAP = '{type: integer, path: sizes.2, about: "The third of three sizes."}'


@pytest.mark.parametrize("unknown", ["reject", "drop", "keep"])
@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_the_schema_takes_the_parser_takes(
    tmp_path: Path, unknown: str, payload: dict[str, Any]
) -> None:
    nested = contract(tmp_path, unknown)
    event = BASE | payload
    assert says(nested, event) == takes(nested, event)


@pytest.mark.parametrize("unknown", ["reject", "drop", "keep"])
@pytest.mark.parametrize("sizes", [[None, None, 3], [1, 2, 3], [1, 2], [None, None, None], 3, None])
def test_a_place_in_a_list_that_must_be_there_needs_the_ones_before(
    tmp_path: Path, unknown: str, sizes: Any
) -> None:
    nested = contract(tmp_path, unknown, f"third: {GAP}")
    event = BASE | {"sizes": sizes}
    assert says(nested, event) == takes(nested, event)


@pytest.mark.parametrize("unknown", ["reject", "drop", "keep"])
def test_random_events_are_nested_as_the_schema_says(tmp_path: Path, unknown: str) -> None:
    nested = contract(tmp_path, unknown)
    events = list(sample_events(nested, 50, 1, NOON, HOUR))
    assert all(says(nested, event) for event in events)
    assert any("labels" not in event for event in events)
    assert any(event.get("labels", [0])[0] is None for event in events)


BOUNDED = """\
score: {type: integer, minimum: 0, maximum: 10, lenient: true, about: "From bad to good."}
price: {type: decimal, scale: 2, minimum: 1, maximum: 99, about: "What it costs."}
"""


@pytest.mark.parametrize(
    ("score", "price"),
    [(10, 99), ("10", "12.50"), (11, 5), (10.0, 5), (11.0, 5), (-1, 5), (3, 0), (3, 100)],
)
def test_bounds_hold_for_each_way_to_write_a_number(
    tmp_path: Path, score: object, price: object
) -> None:
    bounded = contract(tmp_path, "reject", BOUNDED)
    event = BASE | {"score": score, "price": price}
    assert says(bounded, event) == takes(bounded, event)


def says(nested: Contract, event: dict[str, Any]) -> bool:
    return jsonschema.Draft202012Validator(event_schema(nested)).is_valid(event)


def takes(nested: Contract, event: dict[str, Any]) -> bool:
    try:
        compile_contract(nested).parse(sent(event))
    except RejectedError:
        return False
    return True
