"""Other spellings that were taken and deprecated fields: their sender is told, and they count."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from prometheus_client import REGISTRY

from app.contracts.compile import compile_contract
from app.contracts.openapi import openapi
from app.core.judge import EventType
from app.core.warned import Warned
from app.gateway.answers import answers, count
from app.gateway.delivery import Placed
from app.gateway.split import Sent
from app.gateway.verdicts import judged

from .everything import sent
from .test_paths import BASE
from .topic_files import load, with_fields

FIELDS = """\
total: {type: integer, lenient: true, path: order.total, about: "What was charged."}
old: {type: string, deprecated: 2026-06-30, optional: true, pii: keep, about: "Is not used."}
lines:
  type: list
  optional: true
  about: What was in the basket.
  items:
    type: object
    fields:
      price: {type: decimal, scale: 2, lenient: true, about: "What one of them costs."}
      at: {type: timestamp, epoch: seconds, lenient: true, optional: true, about: "When it was."}
      note: {type: string, pii: keep, deprecated: 2027-01-01, default: none, about: "Any remark."}
"""
PLACE = Placed("events.parcel_scanned.v1", 0, 7)
TOTAL = "order.total was taken in another spelling; it must be a whole number, not in quotes"


@pytest.fixture
def kind(tmp_path: Path) -> EventType:
    return compile_contract(with_fields(tmp_path, FIELDS))


def warned(kind: EventType, **payload: Any) -> tuple[Warned, ...]:
    raw = sent(BASE | payload)
    kind.parse(raw)
    assert kind.warnings is not None
    return kind.warnings(raw)


def test_an_event_as_it_should_be_warns_of_nothing(kind: EventType) -> None:
    lines = [{"price": "1.00", "at": 1}, {"price": 1, "at": None, "note": None}]
    assert warned(kind, order={"total": 1}, old=None, lines=lines) == ()


def test_another_spelling_is_told_with_what_would_be_right(kind: EventType) -> None:
    (one,) = warned(kind, order={"total": "1"})
    assert one == Warned("coerced", "order.total", TOTAL)


def test_a_deprecated_field_is_told_with_its_date(kind: EventType) -> None:
    (one,) = warned(kind, order={"total": 1}, old="x")
    told = "old is deprecated: stop sending it from 2026-06-30 on"
    assert one == Warned("deprecated", "old", told)


def test_values_inside_a_list_are_counted_under_one_name(kind: EventType) -> None:
    lines = [{"price": 1.5, "at": "1"}, {"price": 2.5}, {"price": "2.5", "note": "x"}]
    found = warned(kind, order={"total": 1}, lines=lines)
    assert [(w.kind, w.field, w.times) for w in found] == [
        ("coerced", "lines.price", 2),
        ("coerced", "lines.at", 1),
        ("deprecated", "lines.note", 1),
    ]


def test_a_contract_without_such_fields_never_looks(tmp_path: Path) -> None:
    assert compile_contract(load(tmp_path)["parcel_scanned"]).warnings is None


async def test_the_gateway_tells_them_beside_accepted_and_counts_them(tmp_path: Path) -> None:
    contract = with_fields(tmp_path, FIELDS)
    kinds = {"parcel_scanned": compile_contract(contract)}
    events = [{"order": {"total": "1"}}, {"order": {"total": 1}}, {"order": {"total": "x"}}]
    raws = [sent(BASE | event) for event in events]
    march = 1_772_366_400_000  # milliseconds: noon of 2026-03-01
    verdicts = await judged(kinds, [Sent("parcel_scanned", raw) for raw in raws], march)
    results = list(answers(verdicts, [PLACE for v in verdicts if v.record is not None]))
    assert [result["status"] for result in results] == ["accepted", "accepted", "rejected"]
    told = [{"field": "order.total", "message": TOTAL}]
    assert [result.get("warnings") for result in results] == [told, None, None]
    api = openapi({"parcel_scanned": contract})
    validator = jsonschema.Draft202012Validator(api | {"$ref": "#/components/schemas/Results"})
    validator.validate(json.loads(json.dumps({"results": results})))

    count(verdicts, results)
    labels = {"event": "parcel_scanned", "field": "order.total"}
    assert REGISTRY.get_sample_value("forebay_gateway_coerced_total", labels) == 1
