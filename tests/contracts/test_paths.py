"""Values are lifted out of nested payloads; what no field takes is rejected, dropped or kept."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.contracts.compile import compile_contract
from app.contracts.model import Contract
from app.core.errors import Reason, Rejected, RejectedError
from app.core.judge import EventType
from app.gateway.split import Sent
from app.gateway.verdicts import judged

from .everything import sent, texts, trees
from .topic_files import with_fields

FIELDS = """\
login: {type: string, pii: keep, path: pull_request.user.login, about: "Who opened it."}
merged: {type: boolean, default: false, path: pull_request.merged, about: "Whether it is in."}
label: {type: string, pii: keep, optional: true, path: [labels, 1, name], about: "Second label."}
host: {type: string, pii: keep, optional: true, path: ["a.b", c], about: "A key with a dot."}
size: {type: integer, optional: true, path: labels.0, about: "Comes first in the list."}
"""
BASE = {
    "scan_id": "6f1c1c5e-3a57-4d0a-9a5e-0d7a3c1f9b10",
    "scanned_at": "2026-03-01T12:00:00Z",
    "parcel_id": "P1",
}
PULL = {"pull_request": {"user": {"login": "ada"}}}


def contract(folder: Path, unknown: str, fields: str = FIELDS) -> Contract:
    return with_fields(folder, fields, ("kafka: {", f"unknown: {unknown}\nkafka: {{"))


@pytest.fixture(params=["reject", "drop", "keep"])
def unknown(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def kind(tmp_path: Path, unknown: str) -> EventType:
    return compile_contract(contract(tmp_path, unknown))


def rejected(kind: EventType, payload: dict[str, Any]) -> Rejected:
    with pytest.raises(RejectedError) as caught:
        kind.parse(sent(BASE | payload))
    return caught.value.verdict


def test_a_value_is_lifted_from_its_path_and_the_row_is_flat(kind: EventType) -> None:
    payload = {
        "pull_request": {"merged": True, "user": {"login": "ada"}},
        "labels": [7, {"name": "bug"}],
        "a.b": {"c": "x"},
    }
    row = kind.parse(sent(BASE | payload))
    row.pop("_extra", None)
    lifted = {"login": "ada", "merged": True, "label": "bug", "host": "x", "size": 7}
    assert {name: row[name] for name in lifted} == lifted
    assert list(row)[-5:] == list(lifted)  # in the order of the contract


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"labels": None, "a.b": None},
        {"labels": [], "a.b": {}},
        {"labels": [None]},
        {"labels": [None, None]},
        {"labels": [None, {}], "a.b": {"c": None}},
        {"labels": [None, {"name": None}]},
    ],
)
def test_a_path_through_what_is_absent_or_null_is_absent(
    kind: EventType, more: dict[str, Any]
) -> None:
    row = kind.parse(sent(BASE | PULL | more))
    assert (row["merged"], row["label"], row["host"], row["size"]) == (False, None, None, None)
    assert row.get("_extra") is None


@pytest.mark.parametrize(
    ("payload", "place", "message"),
    [
        ({}, "pull_request.user.login", "is missing"),
        ({"pull_request": None}, "pull_request.user.login", "is missing"),
        ({"pull_request": {}}, "pull_request.user.login", "is missing"),
        ({"pull_request": {"user": None}}, "pull_request.user.login", "is missing"),
        ({"pull_request": {"user": {}}}, "pull_request.user.login", "is missing"),
        ({"pull_request": {"user": {"login": 1}}}, "pull_request.user.login", "must be a string"),
        ({"pull_request": {"user": "ada"}}, "pull_request.user", "must be an object"),
        ({"pull_request": []}, "pull_request", "must be an object"),
        (PULL | {"labels": {"1": {}}}, "labels", "must be a list"),
        (PULL | {"labels": [1, 2]}, "labels.1", "must be an object"),
        (PULL | {"labels": ["1"]}, "labels.0", "must be a whole number, not in quotes"),
        (
            {"pull_request": {"user": {"login": "a\0"}}},
            "pull_request.user.login",
            "must not hold a NUL character",
        ),
    ],
)
def test_a_rejection_names_the_path_in_the_event_as_sent(
    kind: EventType, payload: dict[str, Any], place: str, message: str
) -> None:
    assert rejected(kind, payload) == Rejected(Reason.SCHEMA, f"{place} {message}", place)


async def test_a_rejected_event_stays_with_its_kin_by_the_key_inside_of_it(tmp_path: Path) -> None:
    key = ("{key: parcel_id", "{key: login")
    nested = with_fields(tmp_path, FIELDS, key, ("kafka: {", "unknown: drop\nkafka: {"))
    kinds = {"parcel_scanned": compile_contract(nested)}
    bad = [PULL | {"labels": 1}, {"login": "eve"}, {"pull_request": {"user": ["ada"]}}]
    march = 1_772_366_400_000  # milliseconds: noon of 2026-03-01
    sents = [Sent("parcel_scanned", sent(BASE | one)) for one in [PULL, *bad]]
    records = [verdict.record for verdict in await judged(kinds, sents, march)]
    assert [record and record.key for record in records] == [b"ada", b"ada", None, None]


UNKNOWN = {
    "action": "opened",
    "pull_request": {"user": {"login": "ada", "id": 7}, "merged": True},
    "labels": [7, {"name": "bug", "color": "red"}, "third"],
    "a.b": {"c": "x"},
}


@pytest.mark.parametrize(
    ("payload", "place"),
    [
        ({"action": "opened"}, "action"),
        ({"pull_request": {"user": {"login": "ada", "id": 7}}}, "pull_request.user.id"),
        ({"labels": [1, {"name": "bug", "color": "red"}]}, "labels.1.color"),
    ],
)
def test_what_no_field_takes_is_rejected_by_its_path(
    tmp_path: Path, payload: dict[str, Any], place: str
) -> None:
    kind = compile_contract(contract(tmp_path, "reject"))
    verdict = rejected(kind, PULL | payload)
    told = f"{place} is not in the contract; leave it out, or add it to the topic file"
    assert verdict == Rejected(Reason.SCHEMA, told, place)


def test_items_that_no_field_takes_are_rejected_too(tmp_path: Path) -> None:
    kind = compile_contract(contract(tmp_path, "reject"))
    told = "labels may have at most 2 items; the others are not in the contract"
    assert rejected(kind, PULL | {"labels": [1, {}, 3]}) == Rejected(Reason.SCHEMA, told, "labels")


def test_what_no_field_takes_is_dropped(tmp_path: Path) -> None:
    row = compile_contract(contract(tmp_path, "drop")).parse(sent(BASE | UNKNOWN))
    assert "_extra" not in row
    assert (row["login"], row["label"], row["size"]) == ("ada", "bug", 7)


def test_what_no_field_takes_is_kept_without_what_was_lifted(tmp_path: Path) -> None:
    kept = contract(tmp_path, "keep")
    row = compile_contract(kept).parse(sent(BASE | UNKNOWN))
    assert row["_extra"] == {
        "action": "opened",
        "pull_request": {"user": {"id": 7}},
        "labels": [None, {"color": "red"}, "third"],
    }
    column = next(column for column in kept.table.columns if column.name == "_extra")
    assert (column.type, column.nullable) == ("json", True)


@pytest.mark.parametrize("number", ["NaN", "-Infinity"])
def test_no_unknown_part_may_hold_what_is_no_json(kind: EventType, number: str) -> None:
    raw = sent(BASE | PULL | {"a.b": {"c": "x"}})[:-1] + f', "more": [{number}]}}'.encode()
    with pytest.raises(RejectedError) as caught:
        kind.parse(raw)
    told = f"not JSON: {number} is no number there"
    assert caught.value.verdict == Rejected(Reason.NOT_JSON, told)


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"more": float("1e300") * 10, "pad": 0}, None),
        ({"more": 10**38}, "more"),
        ({"pull_request": {"user": {"login": "a", "id": 10**38}}}, "pull_request.user.id"),
        ({"labels": [1, {}, [10**38]]}, "labels.2"),
    ],
)
def test_what_is_kept_must_fit_into_a_warehouse(
    tmp_path: Path, more: dict[str, Any], place: str | None
) -> None:
    kind = compile_contract(contract(tmp_path, "keep"))
    if place is None:
        kind.parse(sent(BASE | PULL | more))
        return
    verdict = rejected(kind, PULL | more)
    assert (verdict.reason, verdict.field) == (Reason.SCHEMA, place)
    assert verdict.message.startswith(f"{place} must be JSON other than null, without NUL")


def test_a_nul_in_a_key_that_is_kept_is_refused(tmp_path: Path) -> None:
    kind = compile_contract(contract(tmp_path, "keep"))
    told = "an event must not hold a NUL character"
    assert rejected(kind, PULL | {"a\0b": 1}) == Rejected(Reason.SCHEMA, told)


CONTAINERS = st.fixed_dictionaries(
    {
        "pull_request": st.fixed_dictionaries(
            {"user": st.fixed_dictionaries({"login": texts}, optional={"id": trees})},
            optional={"merged": st.booleans(), "more": trees},
        )
    },
    optional={
        "labels": st.lists(st.integers(0, 9), min_size=1, max_size=1)
        | st.tuples(
            st.integers(0, 9), st.fixed_dictionaries({"name": texts}, optional={"c": trees}), trees
        ).map(list),
        "a.b": st.fixed_dictionaries({"c": texts}, optional={"d": trees}),
        "rest": trees,
    },
)


def without_nulls(value: Any) -> Any:
    """A value without nulls and what holds nothing else, which all mean the same."""
    if isinstance(value, dict):
        clean = {key: without_nulls(inner) for key, inner in value.items()}
        return {key: inner for key, inner in clean.items() if inner is not None} or None
    if isinstance(value, list):
        items = [without_nulls(inner) for inner in value]
        while items and items[-1] is None:
            items.pop()
        return items or None
    return value


def put_back(row: dict[str, Any], kept: Contract) -> dict[str, Any]:
    """Undo the lift: each value back at its path, around what is left."""
    event: dict[str, Any] = json.loads(json.dumps(row["_extra"] or {}))
    for name, field in kept.fields.items():
        if row[name] is None:
            continue
        *above, last = field.way(name)
        here: Any = event
        for step, after in zip(above, [*above, last][1:], strict=True):
            here = _inner(here, step, [] if isinstance(after, int) else {})
        _inner(here, last, row[name])
        here[last] = row[name]
    return event


def _inner(here: Any, step: Any, new: Any) -> Any:
    if isinstance(step, int):
        here.extend([None] * (step + 1 - len(here)))
    elif step not in here:
        here[step] = None
    if here[step] is None:
        here[step] = new
    return here[step]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    return contract(tmp_path_factory.mktemp("kept"), "keep")


@settings(max_examples=300, deadline=None)
@given(payload=CONTAINERS)
def test_nothing_gets_lost_when_the_rest_is_kept(kept: Contract, payload: dict[str, Any]) -> None:
    row = compile_contract(kept).parse(sent(BASE | payload))
    row["scanned_at"] = "2026-03-01T12:00:00Z"
    event = put_back(row, kept)
    event["pull_request"].setdefault("merged", False)
    payload["pull_request"].setdefault("merged", False)
    assert without_nulls(event) == without_nulls(BASE | payload)
