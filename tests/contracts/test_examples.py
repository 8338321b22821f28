"""The examples of the topic files are run, those that we ship and those that are wrong."""

from pathlib import Path

import jsonschema
import pytest

from app.contracts.compile import compile_contract
from app.contracts.examples import EXAMPLE_PII_KEY, run_example, run_examples
from app.contracts.load import load_contracts
from app.contracts.model import Contract, Rejection
from app.contracts.openapi import event_schema
from app.contracts.paths import field_at, tree_of

from .topic_files import changed, load, with_fields

SHIPPED = load_contracts(Path(__file__).parents[2] / "topics")
EXAMPLES = [(c.event, e.name) for c in SHIPPED.values() for e in c.examples]


@pytest.mark.parametrize(("event", "name"), EXAMPLES)
def test_a_shipped_example_turns_out_as_it_says(event: str, name: str) -> None:
    contract = SHIPPED[event]
    [example] = [e for e in contract.examples if e.name == name]
    assert run_example(contract, compile_contract(contract, EXAMPLE_PII_KEY), example) is None


@pytest.mark.parametrize("event", SHIPPED)
def test_the_published_schema_takes_each_example_that_lands(event: str) -> None:
    contract = SHIPPED[event]
    validator = jsonschema.Draft202012Validator(event_schema(contract))
    for example in contract.examples:
        if example.lands or example.filtered:
            validator.validate(example.given)
        elif example.rejected and example.rejected.reason == "schema":
            assert not validator.is_valid(example.given) or is_a_form(contract, example.rejected)


def is_a_form(contract: Contract, rejected: Rejection) -> bool:
    """Whether it is a day, a moment or a code that is wrong: no validator must look at those."""
    way = [int(step) if step.isdigit() else step for step in (rejected.field or "").split(".")]
    field = field_at(tree_of(contract.fields), contract.fields, tuple(way))
    return field is not None and (
        field.type in ("date", "timestamp") or getattr(field, "format", None) is not None
    )


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            'row: {day: "2026-03-01", parcel_id: P1}',
            'row: {day: "2026-03-02", parcel_id: " P1"}',
            'day should be "2026-03-02", it is "2026-03-01"; parcel_id should be " P1", it is "P1"',
        ),
        (
            'row: {day: "2026-03-01", parcel_id: P1}',
            "row: {weight_grams: 1}",
            "weight_grams should be 1, it is null",
        ),
        (
            'row: {day: "2026-03-01", parcel_id: P1}',
            "rejected: {reason: schema}\n  - {name: x, given: {}, row: {}}",
            "lands; it should be rejected",
        ),
        (
            'parcel_id: " P1"}\n    row',
            "parcel_id: 1}\n    row",
            "should land; it is rejected: schema, field parcel_id: parcel_id must be a string",
        ),
        (
            'parcel_id: " P1"}\n    row',
            'parcel_id: P1}\n    received_at: "2026-03-05T00:00:00Z"\n    row',
            "should land; it is rejected: too_late, field None: happened 3 days, 0:00:02 before "
            "it was received; up to 3 days is accepted",
        ),
        (
            'parcel_id: " P1"}\n    row',
            "parcel_id: P1}\n    received_at: yesterday\n    row",
            "received_at «yesterday» is no timestamp with a UTC offset",
        ),
        (
            "{reason: schema, field: weight_grams}",
            "{reason: too_late}",
            "should be rejected: too_late, field None; it is: schema, field weight_grams: "
            "weight_grams must be 1 or more",
        ),
        (
            "{reason: schema, field: weight_grams}",
            "{reason: schema, field: parcel_id}",
            "should be rejected: schema, field parcel_id; it is: schema, field weight_grams: "
            "weight_grams must be 1 or more",
        ),
    ],
)
def test_an_example_that_turns_out_otherwise_is_told(
    old: str, new: str, problem: str, tmp_path: Path
) -> None:
    found = run_examples(load(tmp_path, changed((old, new))))
    assert problem in [line.split("»: ", 1)[1] for line in found]
    assert all(line.startswith("parcel_scanned: example «") for line in found)


def test_an_example_compares_moments_and_nothing_else_loosely(tmp_path: Path) -> None:
    row = 'row: {day: "2026-03-01", parcel_id: P1}'
    good = changed((row, 'row: {scanned_at: "2026-03-02T00:59:58+01:00"}'))
    assert run_examples(load(tmp_path / "good", good)) == []
    bad = changed(
        (row, "row: {weight_grams: true}"), ('parcel_id: " P1"}', "parcel_id: P1, weight_grams: 1}")
    )
    [problem] = run_examples(load(tmp_path / "bad", bad))
    assert problem.endswith("weight_grams should be true, it is 1")


def test_examples_of_hashed_fields_need_no_secret(tmp_path: Path) -> None:
    fields = 'phone: {type: string, pii: hash, optional: true, about: "Number of the sender."}'
    contract = with_fields(tmp_path, fields)
    assert run_examples({contract.event: contract}) == []
