"""The verdict on a record depends on the record: not on the clock, the order, the process."""

import json
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
import time_machine
from hypothesis import strategies as st

from app.core.errors import Reason, Rejected
from app.core.headers import RECEIVED_AT
from app.core.judge import Accepted, Filtered, judge
from app.worker.records import Clock, Good, weigh
from tests.models.effort import try_property
from tests.models.log import LogRecord
from tests.models.parcels import BAD, FILTERED, FIRST, Copy, kinds_of
from tests.models.verdicts import record_from, record_text, verdicts

_copies = st.builds(
    Copy, st.integers(0, 5), st.integers(0, 2), st.sampled_from(["good", *FILTERED, *BAD])
)
_garbage = st.one_of(
    st.binary(max_size=30),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(max_size=5)
        | st.floats(allow_nan=False),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["scan_id", "parcel_id", "weight_grams"]), inner)
        ),
        max_leaves=5,
    ).map(lambda value: json.dumps(value).encode()),
)
_headers = st.lists(
    st.tuples(st.sampled_from([RECEIVED_AT, "other"]), st.none() | st.binary(max_size=20)),
    max_size=2,
).map(tuple)
_records = st.one_of(
    _copies.map(lambda copy: copy.record(7)),
    st.builds(
        LogRecord,
        st.integers(0, 9),
        st.integers(-1, 2**55),
        st.none(),
        st.none() | _garbage,
        _headers,
    ),
)


@pytest.fixture
def other_process(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Judges by the same topic file, elsewhere: another time zone, another order of hashes."""
    environment = {"TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "7", "LC_ALL": "C"}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.models.verdicts", str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[2],
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def test_the_same_records_get_the_same_verdicts_at_any_time_in_any_order_and_process(
    tmp_path: Path, other_process: "subprocess.Popen[str]"
) -> None:
    kind = kinds_of(tmp_path)["first"]

    def elsewhere(records: Sequence[LogRecord]) -> list[str]:
        assert other_process.stdin is not None
        assert other_process.stdout is not None
        other_process.stdin.write(orjson.dumps([*map(record_text, records)]).decode() + "\n")
        other_process.stdin.flush()
        answer: list[str] = orjson.loads(other_process.stdout.readline())
        return answer

    def tried(records: list[LogRecord], now: datetime, chance: random.Random) -> None:
        wanted = verdicts(kind, records)
        order = list(range(len(records)))
        chance.shuffle(order)
        with time_machine.travel(now.replace(tzinfo=UTC), tick=False):
            shuffled = verdicts(kind, [records[n] for n in order])
        assert shuffled == [wanted[n] for n in order]
        assert elsewhere(records) == wanted
        assert [verdicts(kind, [record_from(record_text(r))])[0] for r in records] == wanted

    try_property(
        tried,
        examples=150,
        records=st.lists(_records, min_size=1, max_size=8),
        now=st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001
        chance=st.randoms(use_true_random=False),
    )


def test_late_and_early_are_told_from_the_records_own_received_time(tmp_path: Path) -> None:
    kind = kinds_of(tmp_path)["first"]
    late, early = timedelta(days=30), timedelta(minutes=60)

    def tried(edge: timedelta, milliseconds: int, by_header: bool) -> None:
        received = FIRST + edge + timedelta(milliseconds=milliseconds)
        stamp = int(received.timestamp() * 1000)
        copy = Copy(0)
        record = LogRecord(
            0,
            12345 if by_header else stamp,
            None,
            copy.value,
            ((RECEIVED_AT, str(stamp).encode()),) if by_header else (),
        )
        verdict = weigh(kind, record, Clock().received(record).at)
        waited = received - FIRST
        if waited > late or -waited > early:
            assert isinstance(verdict, Rejected)
            wanted = Reason.TOO_LATE if waited > late else Reason.TOO_EARLY
            assert verdict.reason is wanted
        else:
            assert not isinstance(verdict, Rejected)
            assert verdict.day == FIRST.date()

    try_property(
        tried,
        examples=150,
        edge=st.sampled_from([late, -early]),
        milliseconds=st.integers(-2_000, 2_000),
        by_header=st.booleans(),
    )


def test_gateway_and_worker_come_to_the_same_verdict(tmp_path: Path) -> None:
    kind = kinds_of(tmp_path)["first"]

    def tried(record: LogRecord) -> None:
        received = Clock().received(record).at
        there = weigh(kind, record, received)
        if record.value is None:
            assert isinstance(there, Rejected)
            return
        match judge(kind, record.value, received):
            case Rejected() as here:
                assert isinstance(there, Rejected)
                assert there == here
            case Filtered() as here:
                assert there == here
            case Accepted(_, row, day):
                assert isinstance(there, Good)
                assert (there.day, there.lines) == (day, (kind.line(row, day),))

    try_property(tried, examples=150, record=_records)
