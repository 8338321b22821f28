"""The instant at which a record was received."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.core.headers import RECEIVED_AT
from app.worker.records import LAST_MILLISECOND, Clock
from tests.models.log import LogRecord

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEIGHBOURS = st.integers(1_772_323_199_000, 1_772_323_202_000)
TIMES = st.lists(
    st.integers(0, LAST_MILLISECOND) | NEIGHBOURS | st.sampled_from([0, 999, 1000, 86_399_999]),
    max_size=12,
)


@given(TIMES)
def test_each_record_has_its_own_time_to_the_millisecond_whatever_came_before(
    times: list[int],
) -> None:
    clock = Clock()
    for ms in times:
        received = clock.received(LogRecord(0, ms, None, b"{}", ()))
        assert received.at == EPOCH + timedelta(milliseconds=ms)
        assert received.text == received.at.isoformat(timespec="milliseconds")[:-6] + "Z"


def test_the_gateways_time_counts_before_kafkas_and_neither_may_be_out_of_range() -> None:
    clock = Clock()

    def text(timestamp: int, header: bytes | None) -> str:
        record = LogRecord(0, timestamp, None, b"{}", ((RECEIVED_AT, header),))
        return clock.received(record).text

    assert text(5_000, b"7001") == "1970-01-01T00:00:07.001Z"
    assert text(5_000, None) == text(5_000, b"soon") == "1970-01-01T00:00:05.000Z"
    assert text(-1, None) == "1970-01-01T00:00:00.000Z"
    assert text(LAST_MILLISECOND + 1, None) == "9999-12-31T23:59:59.999Z"
