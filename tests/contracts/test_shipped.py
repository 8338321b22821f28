"""The topic files that we ship: enough for a company, no two alike, and each of them tells."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from app.contracts.fields import Field, FormatName, ListField, ObjectField
from app.contracts.load import load_contracts
from app.core.transforms import Transform

SHIPPED = load_contracts(Path(__file__).parents[2] / "topics")


def fields_of(fields: Iterator[Field]) -> Iterator[Field]:
    """These fields, and those inside of them."""
    for field in fields:
        yield field
        if isinstance(field, ListField):
            yield from fields_of(iter([field.items]))
        elif isinstance(field, ObjectField):
            yield from fields_of(iter(field.fields.values()))


EVERY_FIELD = [f for c in SHIPPED.values() for f in fields_of(iter(c.fields.values()))]


def test_sixty_four_event_types_of_twenty_apps_are_shipped_each_with_three_examples_or_more() -> (
    None
):
    assert len(SHIPPED) >= 64
    assert len({contract.app for contract in SHIPPED.values()}) >= 20
    assert all(len(contract.examples) >= 3 for contract in SHIPPED.values())


def test_no_two_of_them_are_alike() -> None:
    summaries = {contract.summary for contract in SHIPPED.values()}
    columns = {frozenset(contract.landed) for contract in SHIPPED.values()}
    assert len(summaries) == len(columns) == len(SHIPPED)


def test_together_they_use_every_type_format_and_step() -> None:
    assert {field.type for field in EVERY_FIELD} == _names(Field, "type")
    formats = {getattr(field, "format", None) for field in EVERY_FIELD} - {None}
    assert formats == set(get_args(FormatName))
    steps = {transform.do for contract in SHIPPED.values() for transform in contract.transform}
    assert steps == _names(Transform, "do")


def _names(union: object, key: str) -> set[str]:
    """What tells the models of a union apart."""
    models = get_args(get_args(union)[0])
    return {name for model in models for name in get_args(model.model_fields[key].annotation)}
