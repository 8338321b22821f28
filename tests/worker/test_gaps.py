"""Offsets without a record, at the end of a log: the cursor follows, and skips nothing."""

from collections.abc import Collection, Mapping

import pytest

from app.worker.extent import Place
from app.worker.gaps import Gaps, Standing
from tests.worker.kinds import event
from tests.worker.test_agent import ORDER, Attempt, Lives, Sent, lives

__all__ = ["lives"]

PLACE = (ORDER.topic, 0)


class Kafka:
    """Where the consumer stands, and where the log begins by then."""

    def __init__(self, stands: Standing, start: int = 0) -> None:
        self.stands, self.start = stands, start

    async def standing(self) -> Mapping[Place, Standing]:
        return {PLACE: self.stands}

    async def starts(self, places: Collection[Place]) -> Mapping[Place, int]:
        return dict.fromkeys(places, self.start)


async def followed(attempt: Attempt, kafka: Kafka) -> int:
    """Where the lane is after a look."""
    gaps = Gaps(attempt.lanes, attempt.sealing, kafka, kafka.standing)  # type: ignore[arg-type]
    await gaps.follow()
    return attempt.lanes[PLACE].next


async def test_a_gap_after_the_last_record_is_taken_once_and_counts_no_record(lives: Lives) -> None:
    attempt = lives.attempt(ORDER)
    await attempt.reads([Sent(7, event(1)), Sent(8, event(2))])
    kafka = Kafka(Standing(epoch=1, turn=1, offset=12))
    assert [await followed(attempt, kafka) for _ in range(2)] == [12, 12]
    (span,) = attempt.seal.spans.values()
    assert (span.first, span.next, span.records) == (7, 12, 2)
    await attempt.reads([Sent(12, event(3))])
    assert (span.next, span.records) == (13, 3)


@pytest.mark.parametrize(
    "stands",
    [
        pytest.param(Standing(1, 2, 12), id="a list is on its way"),
        pytest.param(Standing(2, 1, 12), id="it was sought anew"),
        pytest.param(Standing(1, 1, 9), id="nothing was passed"),
    ],
)
async def test_the_cursor_stays_before_what_may_hold_a_record(
    lives: Lives, stands: Standing
) -> None:
    attempt = lives.attempt(ORDER)
    await attempt.reads([Sent(7, event(1)), Sent(8, event(2))])
    assert await followed(attempt, Kafka(stands)) == 9


async def test_a_consumer_that_retention_sent_on_is_not_followed(lives: Lives) -> None:
    attempt = lives.attempt(ORDER)
    await attempt.reads([Sent(7, event(1)), Sent(8, event(2))])
    assert await followed(attempt, Kafka(Standing(1, 1, 50), start=50)) == 9


async def test_what_is_taken_only_in_part_is_not_followed(lives: Lives) -> None:
    attempt = lives.attempt(ORDER)
    await attempt.reads([Sent(7, event(1))])
    kafka = Kafka(Standing(1, 2, 9_000))
    seen: list[int] = []

    async def look_between(_: object) -> None:
        seen.append(await followed(attempt, kafka))

    attempt.sealing.make_room = look_between  # type: ignore[method-assign]
    await attempt.reads([Sent(8 + n, event(n)) for n in range(1_000)])
    assert seen == [508, 1_008]
    assert await followed(attempt, kafka) == 9_000


async def test_a_mark_whose_record_is_in_the_gap_makes_no_duplicates(lives: Lives) -> None:
    await lives.attempt(ORDER).reads([Sent(7, event(1)), Sent(8, event(2))])  # and was not sealed
    again = lives.attempt(ORDER)
    await again.reads([Sent(7, event(1))])  # Kafka lost the other, or compaction removed it
    assert await followed(again, Kafka(Standing(1, 1, 12))) == 12
    await again.reads([Sent(12, event(2)), Sent(13, event(1))])
    assert again.tally == (2, 1, 0)
