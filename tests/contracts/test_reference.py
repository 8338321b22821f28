"""The reference of the language says everything that the models take."""

from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from app.contracts.catalogue.reference import FILE, reference
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
