"""A key as somebody writes it, as it was sent, and as it lands, is one key."""

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from app.contracts.compile import compile_contract
from app.contracts.model import Contract
from app.core.errors import Fatal
from app.core.judge import Accepted, judge
from app.trace.key import Keys, event_in
from tests.contracts.topic_files import changed, load

PII_KEY = b"a key for the tests"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SENT = {
    "scan_id": "6F1C1C5E-3A57-4D0A-9A5E-0D7A3C1F9B10",
    "scanned_at": "2026-03-01T23:59:58+01:00",
    "parcel_id": " P1",
    "weight_grams": 7,
}
ID = SENT["scan_id"]
BY = ("by: [scan_id]", "by: [scan_id, scanned_at, parcel_id, weight_grams]")
MUST = ("    optional: true\n", "")


def contract(folder: Path, *changes: tuple[str, str]) -> Contract:
    (found,) = load(folder, changed(*changes)).values()
    return found


def landed(found: Contract) -> dict[str, object]:
    """The key as a worker writes it into a line."""
    kind = compile_contract(found, PII_KEY)
    verdict = judge(kind, orjson.dumps(SENT), NOON)
    assert isinstance(verdict, Accepted)
    line = orjson.loads(kind.line(verdict.row, verdict.day))
    return {name: line[name] for name in found.dedupe.by}


CASES: dict[str, tuple[list[tuple[str, str]], list[str]]] = {
    "a bare value": ([], [str(ID)]),
    "another spelling": ([], [f"scan_id=urn:uuid:{str(ID).replace('-', '').lower()}"]),
    "several columns, trimmed and in UTC": (
        [BY, MUST],
        [f"scan_id={ID}", "scanned_at=2026-03-01T22:59:58Z", "parcel_id=P1 ", "weight_grams=7"],
    ),
    "a hash": (
        [("by: [scan_id]", "by: [parcel_id]"), ("pii: keep", "pii: hash")], ["parcel_id= P1"]
    ),
    "a column that only a step makes": (
        [("by: [scan_id]", "by: [label]"), ("{do: trim, field: parcel_id}",
         "{do: rename, field: parcel_id, to: label}"),
         ("cluster_by: [parcel_id]", "cluster_by: []"),
         ('row: {day: "2026-03-01", parcel_id: P1}', 'row: {day: "2026-03-01", label: " P1"}')],
        ["label= P1"],
    ),
    "a value with signs in it": (
        [("by: [scan_id]", "by: [parcel_id]"), ("  - {do: trim, field: parcel_id}\n", ""),
         ("transform:\n", ""), ("parcel_id: P1}\n  - name", 'parcel_id: " P1"}\n  - name')],
        [" P1"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_somebody_writes_is_what_a_worker_writes(case: str, tmp_path: Path) -> None:
    changes, words = CASES[case]
    found = contract(tmp_path, *changes)
    keys = Keys(found, PII_KEY)
    key = keys.said(words)
    assert key.landed == landed(found)
    line = orjson.dumps(key.landed)
    assert all(needle in line for needle in key.needles)
    assert key.needles
    if case != "a column that only a step makes":
        assert keys.of_event(SENT) == key.landed


def test_a_hash_is_known_by_itself_and_needs_no_secret(tmp_path: Path) -> None:
    hashed = contract(tmp_path, ("by: [scan_id]", "by: [parcel_id]"), ("pii: keep", "pii: hash"))
    value = str(landed(hashed)["parcel_id"])
    assert Keys(hashed, None).said([value]).landed == {"parcel_id": value}
    with pytest.raises(Fatal, match="PII_KEY"):
        Keys(hashed, None).said(["P1"])


def test_a_bad_event_has_a_key_if_the_key_is_not_what_is_bad(tmp_path: Path) -> None:
    keys = Keys(contract(tmp_path), None)
    wanted = {"scan_id": str(ID).lower()}
    assert keys.of_event({"scan_id": ID, "weight_grams": "heavy"}) == wanted
    for bad in ({"scan_id": 7}, {}, [], None, "scan_id", event_in(b"{broken"), event_in(None)):
        assert keys.of_event(bad) is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nonsense"], "--key scan_id: «nonsense» is no uuid as parcel_scanned has it"),
        (["number=7"], "«number=7» is no uuid"),
        ([], "the key of parcel_scanned is scan_id; say --key scan_id=…"),
    ],
)
def test_a_key_that_can_be_none_is_refused_with_what_is_wanted(
    words: list[str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(Fatal, match=said):
        Keys(contract(tmp_path), None).said(words)


def test_of_a_composite_key_every_column_is_wanted_and_no_other(tmp_path: Path) -> None:
    keys = Keys(contract(tmp_path, BY, MUST), None)
    with pytest.raises(Fatal, match="say --key scanned_at=… --key parcel_id=… --key weight_grams"):
        keys.said([f"scan_id={ID}"])
    with pytest.raises(Fatal, match="belt is not in the key of parcel_scanned, which is scan_id, "):
        keys.said(["belt=7"])
