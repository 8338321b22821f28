"""A reader of the catalogue is told in words what a step does with what."""

import json
from typing import Any

import pytest
from pydantic import TypeAdapter

from app.contracts.catalogue.steps import told_options
from app.core.transforms import Transform

ABOUT = "What it is made of."


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ({"do": "trim", "field": "note"}, "field `note`"),
        (
            {"do": "join", "fields": ["a", "b"], "separator": "/", "to": "c", "about": ABOUT},
            "fields `a`, `b`, separator `/`, to `c`",
        ),
        (
            {"do": "map", "field": "a", "values": {"x": 1, "y": 2}, "default": None},
            "field `a`, values `x`: `1`, `y`: `2`, default null",
        ),
        (
            {"do": "parse_number", "field": "a", "to": "b", "as": "decimal", "scale": 2,
             "about": ABOUT},
            "field `a`, to `b`, as `decimal`, scale `2`",
        ),
        (
            {"do": "minor_units", "field": "a", "currency": {"code": "EUR"}, "to": "b",
             "about": ABOUT},
            "field `a`, currency `code`: `EUR`, to `b`",
        ),
        (
            {"do": "when", "if": {"field": "a", "in": ["x", "y"]}, "to": "b", "value": True,
             "about": ABOUT},
            "if `a` is one of `x`, `y`, to `b`, value true",
        ),
        (
            {
                "do": "when",
                "if": {
                    "all": [
                        {"field": "a", "is": "x"},
                        {"any": [{"field": "b", "at_least": 1}, {"field": "b", "missing": True}]},
                        {"not": {"field": "c", "matches": "^x"}},
                        {"field": "d", "missing": False},
                        {"field": "e", "at_most": 2.5},
                    ]
                },
                "to": "f",
                "value": 1,
                "about": ABOUT,
            },
            "if `a` is `x` and (`b` is at least `1` or `b` is missing) and not (`c` matches `^x`) "
            "and `d` is there and `e` is at most `2.5`, to `f`, value `1`",
        ),
    ],
)  # fmt: skip
def test_the_options_of_a_step_are_told(step: dict[str, Any], told: str) -> None:
    assert told_options(TypeAdapter[Any](Transform).validate_json(json.dumps(step))) == told
