"""The reference of the language says everything that the models take."""

from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import BaseModel

from app.contracts.catalogue.reference import FILE, reference
from app.contracts.defaults import SHARED, app_defaults
from app.contracts.fields import Field as EventField
from app.contracts.model import Contract
from app.core.transforms import Transform

TEXT = reference()
MEMBERS: list[type[BaseModel]] = [
    member for union in (EventField, Transform) for member in get_args(get_args(union)[0])
]


@pytest.mark.parametrize("model", [Contract, *MEMBERS])
def test_each_option_of_each_model_is_told(model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        if name not in ("type", "do"):
            assert f"| `{field.alias or name}` |" in TEXT


def test_each_type_and_each_transform_has_a_part_of_its_own() -> None:
    for member in MEMBERS:
        tag = member.model_fields.get("type") or member.model_fields["do"]
        (name,) = get_args(tag.annotation)
        assert f"\n### {name}\n" in TEXT


def test_the_committed_page_is_up_to_date() -> None:
    committed = Path(__file__).parents[2] / "topics" / FILE
    assert committed.read_text("utf-8") == TEXT, "run `forebay topics schema --write`"


def test_what_an_app_may_say_is_not_told_to_be_required_in_each_file() -> None:
    lines = TEXT.splitlines()
    shared = [line for line in lines if "| required, here or in _app.yaml |" in line]
    for name in ("app", "owners", "team", "kafka", "dedupe", "day", "warehouse"):
        assert any(line.startswith(f"| `{name}` |") for line in shared)
    for name in ("event", "version", "summary", "fields", "examples", "given"):
        assert not any(line.startswith(f"| `{name}` |") for line in shared)


def test_the_shared_file_is_told_with_an_example_that_is_right() -> None:
    part = TEXT.partition("## What an app's types share")[2].partition("\n## ")[0]
    example = "\n".join(line[4:] for line in part.splitlines() if line.startswith("    "))
    assert app_defaults().model_validate(yaml.safe_load(example))
    for name in SHARED:
        assert f"| `{name}` |" in part


def test_what_a_file_needs_at_least_is_told() -> None:
    assert "one that lands and one that is rejected. |" in TEXT
    assert "| `about` | text | required | One sentence, of 10 characters at least" in TEXT
