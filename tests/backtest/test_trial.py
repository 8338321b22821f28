"""What would become of recorded events under other topic files."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from app.backtest.clear import HIDDEN
from app.backtest.lines import recorded_lines
from app.backtest.trial import SHOWN, Backtest, Recorded, Side
from app.core.errors import Fatal
from tests.contracts.topic_files import changed, load

from .parcels import KEY, backtest, parcel

EVENT = "parcel_scanned"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def take(trial: Backtest, *raws: bytes, at: datetime | None = NOON) -> Backtest:
    for number, raw in enumerate(raws):
        trial.take(Recorded(EVENT, raw, at, f"line {number}"))
    return trial


def test_the_same_files_make_the_same_of_everything(tmp_path: Path) -> None:
    trial = take(backtest(tmp_path), parcel(1), parcel(1), parcel(2, weight_grams=0), b"{")
    one = trial.types[EVENT]
    assert not one.changed
    assert one.now == one.then
    assert one.now == {
        "accepted": 1,
        "duplicate": 1,
        "rejected: schema weight_grams": 1,
        "rejected: not_json": 1,
    }


def test_a_narrower_contract_names_the_events_that_it_would_lose(tmp_path: Path) -> None:
    trial = take(
        backtest(tmp_path, ("maximum: 100000", "maximum: 500")),
        *(parcel(number, weight_grams=number * 100) for number in range(1, 11)),
    )
    one = trial.types[EVENT]
    change = ("accepted", "rejected: schema weight_grams")
    assert one.turns == {change: 5}
    samples = one.samples[" → ".join(change)]
    assert [sample.place for sample in samples] == ["line 5", "line 6", "line 7"]
    assert len(samples) == SHOWN


def test_a_wider_contract_names_the_dead_letters_that_it_would_mend(tmp_path: Path) -> None:
    trial = take(
        backtest(
            tmp_path, ("minimum: 1\n", "minimum: 0\n"), ("weight_grams: 0}", "weight_grams: -1}")
        ),
        parcel(1, weight_grams=0),
    )
    assert trial.types[EVENT].turns == {("rejected: schema weight_grams", "accepted"): 1}


def test_a_column_whose_values_change_is_counted_and_shown(tmp_path: Path) -> None:
    trial = take(
        backtest(
            tmp_path,
            ("{do: trim, field: parcel_id}", "{do: lower, field: parcel_id}"),
            ('parcel_id: " P1"', "parcel_id: P1"),
            ("parcel_id: P1}\n  - n", "parcel_id: p1}\n  - n"),
        ),
        parcel(1),
        parcel(2, parcel_id="low"),
    )
    one = trial.types[EVENT]
    assert one.columns == {"parcel_id": 1}
    (sample,) = one.samples["column parcel_id"]
    assert sample.now.rows[0]["parcel_id"] == "P1"
    assert sample.then.rows[0]["parcel_id"] == "p1"


HASHED = ("    max_length: 20\n    pii: keep", "    max_length: 20\n    pii: hash")
FULL = '    row: {day: "2026-03-01", parcel_id: P1}'
UPPER = "  - {do: split, field: parcel_id, separator: x, to: parts, about: Its pieces.}"


@pytest.mark.parametrize(
    ("now", "then", "hidden"),
    [
        ([HASHED], [], {"parcel_id"}),
        ([HASHED], [("transform:\n", f"transform:\n{UPPER}\n")], {"parcel_id", "parts"}),
        ([HASHED], [
            ("  - {do: trim, field: parcel_id}", "  - {do: rename, field: parcel_id, to: number}"),
            (FULL, '    row: {day: "2026-03-01"}'),
            ("cluster_by: [parcel_id]", "cluster_by: [number]"),
        ], {"number"}),
        ([("  - {do: trim, field: parcel_id}", "  - {do: hash, field: parcel_id}")], [],
         {"parcel_id"}),
        ([("pii: keep", "pii: drop"), ("cluster_by: [parcel_id]", "cluster_by: []")],
         [("pii: keep", "pii: hash")], {"parcel_id"}),
        ([], [], set()),
    ],
)  # fmt: skip
def test_what_the_files_of_now_hide_is_not_shown_whatever_the_candidate_says(
    now: list[tuple[str, str]],
    then: list[tuple[str, str]],
    hidden: set[str],
    tmp_path: Path,
) -> None:
    bare = (FULL, '    row: {day: "2026-03-01"}')
    sides = [
        Side(load(tmp_path / name, changed(*changes, *(() if bare in changes else (bare,)))), KEY)
        for name, changes in (("now", now), ("then", then))
    ]
    trial = take(Backtest(*sides), parcel(1, weight_grams=5))
    samples = [one for kept in trial.types[EVENT].samples.values() for one in kept]
    assert {n for one in samples for n, v in one.then.rows[0].items() if v == HIDDEN} == hidden
    assert bool(samples) == bool(hidden)


def test_a_new_column_differs_in_each_row(tmp_path: Path) -> None:
    new = (
        "- {do: trim, field: parcel_id}\n"
        "  - {do: constant, to: depot, value: north, about: Where the scanner hangs.}"
    )
    trial = take(backtest(tmp_path, ("- {do: trim, field: parcel_id}", new)), parcel(1), parcel(2))
    assert trial.types[EVENT].columns == {"depot": 2}
    assert not trial.types[EVENT].turns


def test_what_would_be_left_out_is_a_verdict_of_its_own(tmp_path: Path) -> None:
    light = "{do: drop_event, if: {field: weight_grams, at_most: 9}, why: lighter than its box}"
    trim = "{do: trim, field: parcel_id}"
    trial = take(
        backtest(tmp_path, (trim, f"{trim}\n  - {light}")),
        *(parcel(number, weight_grams=number * 5) for number in range(1, 4)),
    )
    one = trial.types[EVENT]
    assert one.turns == {("accepted", "filtered"): 1}
    assert one.then == {"accepted": 2, "filtered": 1}


def test_another_dedupe_key_shows_what_it_would_take_for_copies(tmp_path: Path) -> None:
    trial = take(
        backtest(tmp_path, ("by: [scan_id]", "by: [parcel_id]")),
        parcel(1),
        parcel(2, parcel_id="P1"),
        parcel(3),
    )
    assert trial.types[EVENT].turns == {("accepted", "duplicate"): 1}


def test_an_event_is_late_by_the_time_it_was_received_and_not_by_now(tmp_path: Path) -> None:
    trial = backtest(tmp_path, ("late_days: 3", "late_days: 1"))
    take(trial, parcel(1), at=NOON + timedelta(days=2))
    take(trial, parcel(2), at=NOON)
    take(trial, parcel(3), at=None)
    assert trial.types[EVENT].turns == {("accepted", "rejected: too_late"): 1}


def test_a_type_that_the_candidate_lacks_is_told(tmp_path: Path) -> None:
    trial = backtest(tmp_path)
    trial.take(Recorded("parcel_lost", b"{}", NOON, "line 1"))
    assert trial.types["parcel_lost"].now == {"no topic file": 1}
    assert not trial.types["parcel_lost"].changed


def test_a_senders_own_names_are_not_told(tmp_path: Path) -> None:
    """They may be anything, an address too, and there may be any number of them."""
    lenient = ("kafka: {key", "unknown: drop\nkafka: {key")
    trial = take(backtest(tmp_path, lenient), parcel(1, **{"a.person@example.com": 1}))
    assert list(trial.types[EVENT].now) == ["rejected: schema (a field it does not know)"]
    [[sample]] = trial.types[EVENT].samples.values()
    assert sample.now.why == ""
    assert "person" not in str(sample)


def test_lines_of_each_kind_are_read(tmp_path: Path) -> None:
    letter = {
        "event": EVENT,
        "reason": "schema",
        "field": "weight_grams",
        "message": "…",
        "topic": "events.parcel_scanned.v1",
        "partition": 3,
        "offset": 17,
        "received_at": "2026-03-01T12:00:00.000Z",
        "key": None,
        "headers": [],
        "value": b64encode(parcel(2)).decode(),
    }
    file = tmp_path / "events.ndjson"
    file.write_bytes(
        b'{"type": "parcel_scanned", "data": {"a":  1}}\n\n' + orjson.dumps(letter) + b"\n"
    )
    assert list(recorded_lines(file, None)) == [
        Recorded(EVENT, b'{"a":  1}', None, "events.ndjson:1"),
        Recorded(EVENT, parcel(2), NOON, "events.parcel_scanned.v1/3@17"),
    ]
    file.write_bytes(parcel(1) + b"\nnot json\n")
    raws = [one.raw for one in recorded_lines(file, EVENT)]
    assert raws == [parcel(1), b"not json"]


def test_a_line_of_no_known_kind_is_named(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    file.write_bytes(parcel(1))
    with pytest.raises(Fatal, match=r"events\.ndjson:1: .*--event"):
        list(recorded_lines(file, None))
