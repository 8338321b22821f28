"""Offsets without a record, at the end of a log: the cursor follows, and skips nothing."""

import asyncio
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from app.core.errors import Transient
from app.worker.extent import Place
from app.worker.gaps import PIECE_OFFSETS, Gaps, Standing
from app.worker.open_seal import OpenSeal
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


class Unreachable(Kafka):
    async def starts(self, places: Collection[Place]) -> Mapping[Place, int]:
        raise Transient("Kafka can not be reached")


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


async def test_a_wide_gap_is_taken_in_pieces_and_a_seal_may_be_cut_between_them(
    lives: Lives,
) -> None:
    attempt = lives.attempt(ORDER)
    await attempt.reads([Sent(7, event(1))])
    seals = []

    async def cut(seal: OpenSeal) -> None:
        seals.append(seal)
        attempt.sealing._open.clear()

    attempt.sealing.make_room = cut  # type: ignore[method-assign]
    end = 8 + 2 * PIECE_OFFSETS + 100
    assert await followed(attempt, Kafka(Standing(1, 1, end))) == end
    spans = [span for seal in seals for span in seal.spans.values()]
    assert [(span.first, span.next - span.first, span.records) for span in spans] == [
        (7, 1 + PIECE_OFFSETS, 1),
        (8 + PIECE_OFFSETS, PIECE_OFFSETS, 0),
        (8 + 2 * PIECE_OFFSETS, 100, 0),
    ]


async def test_records_that_arrive_while_a_wide_gap_is_taken_end_it(lives: Lives) -> None:
    attempt = lives.attempt(ORDER)
    await attempt.reads([Sent(7, event(1))])
    end = 8 + 3 * PIECE_OFFSETS
    once = []

    async def record_arrives(seal: OpenSeal) -> None:
        if not once:
            once.append(seal)
            await attempt.reads([Sent(end, event(2)), Sent(end + 1, event(3))])

    attempt.sealing.make_room = record_arrives  # type: ignore[method-assign]
    assert await followed(attempt, Kafka(Standing(1, 1, end))) == end + 2
    (span,) = attempt.seal.spans.values()
    assert (span.first, span.next, span.records) == (7, end + 2, 3)


async def test_of_a_lane_that_is_revoked_while_a_wide_gap_is_taken_no_more_is_taken(
    lives: Lives,
) -> None:
    attempt = lives.attempt(ORDER)
    await attempt.reads([Sent(7, event(1))])
    lane = attempt.lanes[PLACE]

    async def revoked(_: OpenSeal) -> None:
        attempt.lanes.clear()

    attempt.sealing.make_room = revoked  # type: ignore[method-assign]
    kafka = Kafka(Standing(1, 1, 9 + PIECE_OFFSETS))
    gaps = Gaps(attempt.lanes, attempt.sealing, kafka, kafka.standing)  # type: ignore[arg-type]
    await gaps.follow()
    assert lane.next == 8 + PIECE_OFFSETS


async def test_a_disk_that_fails_while_gaps_are_noted_ends_the_watch_and_not_only_this_look(
    lives: Lives, tmp_path: Path
) -> None:
    await lives.attempt(ORDER).reads([Sent(7, event(1)), Sent(8, event(2))])  # and was not sealed
    again = lives.attempt(ORDER)
    await again.reads([Sent(7, event(1))])
    lives.marks.close()
    (database,) = (tmp_path / "tables").glob("*.db")
    database.rename(tmp_path / "away")
    database.write_text("not a folder")
    kafka = Kafka(Standing(1, 1, 12))
    gaps = Gaps(again.lanes, again.sealing, kafka, kafka.standing)  # type: ignore[arg-type]
    with pytest.raises(Transient, match="is the disk full or failing"):
        await asyncio.wait_for(gaps.watch(0.0), 30)
    with pytest.raises(Transient, match="is the disk full or failing"):
        await gaps.follow_once_more(30)
    assert again.lanes[PLACE].next == 8


async def test_the_watch_goes_on_when_kafka_can_not_be_reached(lives: Lives) -> None:
    attempt = lives.attempt(ORDER)
    await attempt.reads([Sent(7, event(1))])
    assert await followed(attempt, Unreachable(Standing(1, 1, 12))) == 8
