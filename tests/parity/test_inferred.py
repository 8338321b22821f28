"""A file inferred from samples accepts all of them, and they stand in the warehouses as sent."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.contracts.compile import compile_contract
from app.contracts.drafts import filled, try_out
from app.contracts.examples import EXAMPLE_PII_KEY
from app.contracts.infer.contents import contents
from app.contracts.model import Contract
from app.core.judge import Accepted, judge
from tests.contracts.everything import reals, texts, wholes
from tests.contracts.infer.samples import awkward, observed
from tests.sinks.warehouse_ground import Ground, landed

from .test_rows import stand

NOON = "2026-03-01T12:00:00Z"
keys = texts | st.sampled_from(["id", "a.b", "0", "day", "_extra", "createdAt", "created_at", ""])
telling = st.sampled_from(
    [
        *("2026-03-01", NOON, "2026-03-01 10:00", "6f1c1c5e-3a57-4d0a-9a5e-0d7a3c1f9b10"),
        *("12.50", "DE", "a@example.com", "https://a.example/", "::1"),
        *(1_772_000_000, 1_772_000_000_000),
    ]
)
leaves = st.none() | st.booleans() | wholes | reals | texts | telling
nested = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4)
)
common = st.fixed_dictionaries(
    {}, optional={key: leaves | nested for key in ("id", "a.b", "createdAt", "user", "0")}
)
sample = st.builds(lambda one, more: one | more, common, st.dictionaries(keys, nested, max_size=2))
samples = st.lists(sample, min_size=1, max_size=5)


def inferred(many: list[dict[str, Any]]) -> Contract:
    return filled(contents(observed(many), "pushed", "code"))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(many=samples)
def test_whatever_the_samples_are_the_inferred_file_accepts_them(
    many: list[dict[str, Any]],
) -> None:
    sent = [
        one | {"delivery_id": str(number), "occurred_at": NOON} for number, one in enumerate(many)
    ]
    raw = [(number, json.dumps(one).encode()) for number, one in enumerate(sent)]
    trial = try_out(inferred(sent), raw)
    assert trial.accepted == len(sent), trial.first


async def test_awkward_samples_stand_as_they_were_sent(ground: Ground) -> None:
    many = [awkward(number) for number in range(60)]
    contract = inferred(many)
    kind = compile_contract(contract, EXAMPLE_PII_KEY)
    rows = []
    for number, one in enumerate(many):
        raw = json.dumps(one).encode()
        verdict = judge(kind, raw, kind.occurred_at(kind.parse(raw)))
        assert isinstance(verdict, Accepted)
        lineage = {"_topic": kind.topic, "_partition": 0, "_offset": number, "_received_at": NOON}
        rows.append(json.loads(kind.line(verdict.row, verdict.day)) | lineage)
    assert await stand(ground, contract, rows) == landed(contract.table, rows)
    assert rows[1]["_extra"]["user"]["address"] == {"geo": {"point": {"lat": 52.5}}}
    assert {row["repo_id"] for row in rows} == {9_223_372_036_854_775_000 + n for n in range(4)}
