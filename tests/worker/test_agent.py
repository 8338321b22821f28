"""The hot path without Kafka. A crash is data: the same offsets come again to a new lane."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from app.core.errors import Reason, RejectedError, Transient
from app.core.headers import RECEIVED_AT
from app.core.judge import EventType
from app.core.seal import ObjectKind
from app.core.warned import Warned
from app.kafka import KafkaOptions
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.worker.agent import Agent
from app.worker.breaker import Breaker, Tripped
from app.worker.changelog import Changelog
from app.worker.dedupe import Marks
from app.worker.entries import MARK, OFFSET
from app.worker.lane import Lane
from app.worker.open_seal import OpenSeal
from app.worker.options import SealOptions
from app.worker.sealing import Author, Sealing
from sinks.memory import MemoryObjectStore
from tests.worker.kinds import event, kind

MARCH_2 = 1_772_452_800_000
DAY = 86_400_000


@dataclass
class Sent:
    """A record as aiokafka hands it out."""

    offset: int
    value: bytes | None
    timestamp: int = MARCH_2
    key: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()


class Attempt:
    """One life of a worker, from a cursor on; its marks stay, what it staged does not."""

    def __init__(
        self, known: EventType, marks: Marks, sealing: Sealing, log_start: int, chain_start: int
    ) -> None:
        self.kind, self.marks, self.sealing = known, marks, sealing
        self.chain_start = chain_start
        self.lanes: dict[tuple[str, int], Lane] = {}
        self.turn = 0
        self.log_start = log_start
        breakers = {known.name: Breaker(known.name, 0.5, 1_000)}
        self.stopped: list[str] = []
        self.agent = Agent(
            self.lanes, sealing, breakers, self._pause, self._read_again, self._log_start
        )

    async def reads(self, records: Sequence[Sent], turn: int | None = None, epoch: int = 1) -> None:
        place = (self.kind.topic, 0)
        if place not in self.lanes:
            self.lanes[place] = Lane(
                self.kind,
                0,
                "id",
                self.marks,
                records[0].offset,
                first=self.chain_start,
                epoch=1,
            )
        self.turn = self.turn + 1 if turn is None else turn
        await self.agent.take(place, epoch, self.turn, records)

    @property
    def seal(self) -> OpenSeal:
        return self.sealing.opened(self.kind)

    @property
    def tally(self) -> tuple[int, int, int]:
        days = self.seal.days.values()
        return (
            sum(day.staged for day in days),
            sum(day.duplicates for day in days),
            sum(day.dead for day in days),
        )

    def _pause(self, trip: Tripped) -> None:
        self._read_again(trip.event, str(trip))

    def _read_again(self, event: str, why: str) -> None:
        self.stopped.append(why)
        self.lanes.clear()

    async def _log_start(self, _: Lane) -> int:
        return self.log_start


async def _yes(_: object) -> bool:
    return True


class Lives:
    """Makes one attempt after another over the same table."""

    def __init__(self, folder: Path, ledger: Any) -> None:
        self.marks = Marks(folder / "tables", "seen-1", "changelog", timedelta(days=1))
        self._ledger = ledger

    def attempt(self, known: EventType, log_start: int = 0, chain_start: int = 0) -> Attempt:
        sealing = Sealing(
            SealOptions(),
            Author("worker", "sha"),
            MemoryObjectStore(),
            self._ledger,
            Changelog(KafkaOptions()),
            _yes,
            lambda event, why: None,
            lambda error: None,
        )
        return Attempt(known, self.marks, sealing, log_start, chain_start)

    def elsewhere(self, folder: Path) -> None:
        """Go on with the tables that are there."""
        self.marks.close()
        self.marks = Marks(folder, "seen-1", "changelog", timedelta(days=1))

    def recovers(self, *attempts: Attempt) -> None:
        """Read a changelog that holds the marks of these, in that order."""
        messages = [m for a in attempts for marks in a.seal.marks.values() for m in marks.messages]
        self.marks.apply(0, enumerate(map(bytes, messages)))


@pytest.fixture
async def lives(tmp_path: Path) -> AsyncIterator[Lives]:
    ledger = await open_ledger(LedgerOptions(url=f"sqlite:///{tmp_path}/ledger.db"))
    made = Lives(tmp_path, ledger)
    yield made
    made.marks.close()
    await ledger.close()


ORDER = kind("order")


async def test_a_redelivered_record_is_not_a_duplicate_of_itself(lives: Lives) -> None:
    await lives.attempt(ORDER).reads([Sent(7, event(1)), Sent(8, event(2))])
    again = lives.attempt(ORDER)
    await again.reads([Sent(7, event(1)), Sent(8, event(2)), Sent(9, event(1))])
    assert again.tally == (2, 1, 0)


async def test_a_copy_before_the_one_that_an_unsealed_attempt_marked_is_the_first(
    lives: Lives,
) -> None:
    strict = kind("order", late=timedelta(days=1))
    late, fresh = Sent(7, event(1), MARCH_2 + 9 * DAY), Sent(8, event(1))
    await lives.attempt(strict).reads([late, fresh])
    relaxed = lives.attempt(ORDER)
    await relaxed.reads([late, fresh])
    assert relaxed.tally == (1, 1, 0)


async def test_a_mark_of_an_attempt_that_staged_what_is_rejected_now_is_removed(
    lives: Lives,
) -> None:
    late, fresh = Sent(7, event(1), MARCH_2 + 9 * DAY), Sent(8, event(1))
    await lives.attempt(ORDER).reads([late])
    strict = lives.attempt(kind("order", late=timedelta(days=1)))
    await strict.reads([late, fresh])
    assert strict.tally == (1, 0, 1)


def _needs_a_shop(raw: bytes) -> dict[str, Any]:
    event: dict[str, Any] = ORDER.parse(raw)  # type: ignore[assignment]
    if "shop" not in event:
        raise RejectedError(Reason.SCHEMA, "a text is wanted", "shop")
    return event


STRICT = replace(ORDER, parse=_needs_a_shop)
"""As a deploy may change a contract: it can not read an event without a shop any more."""


async def test_a_repaired_copy_of_what_can_not_be_read_any_more_is_no_duplicate(
    lives: Lives,
) -> None:
    sent = [Sent(7, event(1)), Sent(8, event(2, shop="north"))]
    await lives.attempt(ORDER).reads(sent)  # and was not sealed
    strict = lives.attempt(STRICT)
    await strict.reads(sent)
    assert strict.tally == (1, 0, 1)
    later = lives.attempt(STRICT)  # behind the seal
    copies = [event(1, shop="north"), event(1, shop="north"), event(2, shop="north")]
    await later.reads([Sent(9 + n, copy) for n, copy in enumerate(copies)])
    assert later.tally == (1, 2, 0)


async def test_what_can_not_be_read_any_more_and_its_repaired_copy_may_come_in_one_list(
    lives: Lives,
) -> None:
    await lives.attempt(ORDER).reads([Sent(7, event(1))])
    strict = lives.attempt(STRICT)
    await strict.reads(
        [Sent(7, event(1)), Sent(8, event(1, shop="north")), Sent(9, event(1, shop="north"))]
    )
    assert strict.tally == (1, 1, 1)


async def test_a_contract_that_was_taken_back_before_a_seal_costs_one_copy_of_what_it_can_read(
    lives: Lives,
) -> None:
    await lives.attempt(ORDER).reads([Sent(7, event(1))])
    await lives.attempt(STRICT).reads([Sent(7, event(1))])
    back = lives.attempt(ORDER)
    await back.reads([Sent(7, event(1)), Sent(8, event(1))])
    assert back.tally == (1, 1, 0)
    later = lives.attempt(ORDER)  # the note of the other contract may have been a frozen worker's
    await later.reads([Sent(9, event(1)), Sent(10, event(1))])
    assert later.tally == (1, 1, 0)
    last = lives.attempt(ORDER)
    await last.reads([Sent(11, event(1))])
    assert last.tally == (0, 1, 0)


@pytest.mark.parametrize("now", [STRICT, kind("order", late=timedelta(days=1))])
async def test_a_mark_that_a_frozen_worker_wrote_late_makes_no_duplicates_of_what_was_rejected(
    lives: Lives, tmp_path: Path, now: EventType
) -> None:
    sent = [Sent(7, event(1), MARCH_2 + 9 * DAY), Sent(8, event(2, shop="north"))]
    frozen = lives.attempt(ORDER)
    await frozen.reads(sent)
    lives.elsewhere(tmp_path / "another")
    owner = lives.attempt(now)
    await owner.reads(sent)
    lives.elsewhere(tmp_path / "next")  # where the changelog is all that is known
    lives.recovers(owner, frozen)
    later = lives.attempt(now)
    copies = [event(1, shop="north"), event(1, shop="north"), event(2, shop="north")]
    await later.reads([Sent(9 + n, copy) for n, copy in enumerate(copies)])
    assert later.tally == (1, 2, 0)


@pytest.mark.parametrize("heir_is_last", [True, False])
async def test_a_note_that_a_frozen_worker_wrote_late_does_not_undo_its_heirs(
    lives: Lives, tmp_path: Path, heir_is_last: bool
) -> None:
    sent = [Sent(7, event(1)), Sent(8, event(2, shop="north"))]
    await lives.attempt(ORDER).reads(sent)  # and was not sealed
    frozen = lives.attempt(ORDER)  # so it notes what it stages
    await frozen.reads(sent)
    lives.elsewhere(tmp_path / "another")
    heir = lives.attempt(STRICT)
    await heir.reads([*sent, Sent(9, event(3))])
    lives.elsewhere(tmp_path / "next")
    lives.recovers(*([frozen, heir] if heir_is_last else [heir, frozen]))
    later = lives.attempt(STRICT)
    copies = [event(1, shop="north"), event(2, shop="north"), event(3, shop="north")]
    await later.reads([Sent(10 + n, copy) for n, copy in enumerate(copies)])
    assert later.tally == (2, 1, 0)


async def test_marks_that_a_worker_never_sealed_make_no_duplicates_when_it_comes_back(
    lives: Lives, tmp_path: Path
) -> None:
    await lives.attempt(ORDER).reads([Sent(7, event(1))])
    lives.elsewhere(tmp_path / "another")
    owner = lives.attempt(STRICT)
    await owner.reads([Sent(7, event(1)), Sent(8, event(2, shop="north"))])
    lives.elsewhere(tmp_path / "tables")
    lives.recovers(owner)
    back = lives.attempt(STRICT)
    await back.reads([Sent(9, event(1, shop="north")), Sent(10, event(2, shop="north"))])
    assert back.tally == (1, 1, 0)


async def test_an_event_that_only_a_lost_ledger_knew_is_no_duplicate(lives: Lives) -> None:
    await lives.attempt(ORDER).reads([Sent(5, event(1)), Sent(10, event(2))])
    later = lives.attempt(ORDER, chain_start=10)  # retention was faster than the new ledger
    await later.reads([Sent(10, event(2)), Sent(11, event(1)), Sent(12, event(1))])
    assert later.tally == (2, 1, 0)


FILLED_AGAIN = [Sent(5, event(1)), Sent(6, event(3)), Sent(7, event(2)), Sent(8, event(4))]
"""Kafka lost the end of its log, from 6 on, and the senders sent again."""
COMPACTED = [Sent(5, event(1)), Sent(7, event(3)), Sent(8, event(2)), Sent(9, event(4))]


@pytest.mark.parametrize("now", [FILLED_AGAIN, COMPACTED])
async def test_marks_whose_records_are_gone_make_no_duplicates(
    lives: Lives, now: list[Sent]
) -> None:
    await lives.attempt(ORDER).reads([Sent(5, event(1)), Sent(6, event(2)), Sent(7, event(3))])
    again = lives.attempt(ORDER)
    await again.reads([*now, *(Sent(10 + n, event(n)) for n in range(1, 5))])
    assert again.tally == (4, 4, 0)


@pytest.mark.parametrize(
    "now", [FILLED_AGAIN[:2], COMPACTED[:2], [Sent(5, event(1)), Sent(9, None)]]
)
async def test_marks_whose_records_are_gone_make_none_behind_the_next_seal_either(
    lives: Lives, now: list[Sent]
) -> None:
    sent = [Sent(5, event(1)), Sent(6, event(2)), Sent(7, event(3))]
    await lives.attempt(ORDER).reads(sent)
    again = lives.attempt(ORDER)
    await again.reads(now)  # and was sealed
    later = lives.attempt(ORDER)
    await later.reads([Sent(10, event(2)), Sent(11, event(1)), Sent(12, event(2))])
    assert later.tally == (1, 2, 0)


async def test_a_list_that_got_lost_on_the_way_ends_the_worker(lives: Lives) -> None:
    attempt = lives.attempt(ORDER)
    await attempt.reads([Sent(0, event(1))], turn=1)
    with pytest.raises(Transient, match="one is lost"):
        await attempt.reads([Sent(2, event(3))], turn=3)


async def test_a_list_fetched_before_the_last_seek_is_not_taken(lives: Lives) -> None:
    attempt = lives.attempt(ORDER)
    await attempt.reads([Sent(0, event(1))])
    await attempt.reads([Sent(500, event(2))], epoch=0)
    assert attempt.tally == (1, 0, 0)
    assert attempt.lanes[ORDER.topic, 0].next == 1


async def test_a_gap_is_taken_unless_retention_made_it(lives: Lives) -> None:
    attempt = lives.attempt(ORDER)
    await attempt.reads([Sent(0, event(1))])
    await attempt.reads([Sent(5, event(2)), Sent(8, event(3))])  # markers, or compaction
    (span,) = attempt.seal.spans.values()
    assert (span.first, span.next, span.records) == (0, 9, 3)
    attempt.log_start = 20
    await attempt.reads([Sent(20, event(4))])
    assert attempt.tally == (3, 0, 0)
    assert "retention" in attempt.stopped[0]
    assert attempt.lanes == {}


async def test_of_a_log_that_goes_back_nothing_is_taken_until_its_place_was_looked_for(
    lives: Lives,
) -> None:
    attempt = lives.attempt(ORDER)
    await attempt.reads([Sent(7, event(1)), Sent(8, event(2))])
    await attempt.reads([Sent(8, event(2)), Sent(9, event(3))])
    (span,) = attempt.seal.spans.values()
    assert (span.first, span.next, span.records) == (7, 9, 2)
    assert "went back to 8, 9 was due" in attempt.stopped[0]
    assert attempt.lanes == {}


async def test_a_flood_of_rejections_drops_what_is_open_and_stops_its_type(lives: Lives) -> None:
    attempt = lives.attempt(ORDER)
    await attempt.reads([Sent(0, event(1))])
    await attempt.reads([Sent(n, b"broken") for n in range(1, 1_501)])
    assert "MAX_REJECTED_RATIO" in attempt.stopped[0]
    assert attempt.seal.spans == {}
    await attempt.agent.take((ORDER.topic, 0), 1, 3, [Sent(1_501, event(2))])
    assert attempt.seal.spans == {}


async def test_a_contract_that_raises_makes_a_dead_letter_and_reading_goes_on(
    lives: Lives,
) -> None:
    def breaks(row: dict[str, Any], day: object) -> bytes:
        if row["id"] == "e2":
            raise ZeroDivisionError
        return ORDER.line(row, day)  # type: ignore[arg-type]

    attempt = lives.attempt(replace(ORDER, line=breaks))
    await attempt.reads([Sent(0, event(1)), Sent(1, event(2)), Sent(2, event(3))])
    assert attempt.tally == (2, 0, 1)
    assert attempt.seal.reasons == {"transform": 1}


async def test_what_a_staged_event_warns_of_is_counted_once(lives: Lives) -> None:
    told = Warned("coerced", "shop", "shop must be a string", times=2)
    warning_kind = replace(
        ORDER, name="order_that_warns", warnings=lambda raw: (told,) if b"shop" in raw else ()
    )
    warning = lives.attempt(warning_kind)
    await warning.reads(
        [Sent(7, event(1, shop=1)), Sent(8, event(1, shop=1)), Sent(9, event(2)), Sent(10, b"shop")]
    )
    assert warning.tally == (2, 1, 1)
    counted = REGISTRY.get_sample_value(
        "forebay_worker_coerced_total", {"event": "order_that_warns", "field": "shop"}
    )
    assert counted == 2


@pytest.mark.parametrize("timestamp", [-1, 0, 10**17])
@pytest.mark.parametrize("header", [b"", b"-5", b"99999999999999999999", b"x", None])
async def test_no_timestamp_stops_the_reading(
    lives: Lives, timestamp: int, header: bytes | None
) -> None:
    attempt = lives.attempt(ORDER)
    await attempt.reads([Sent(0, b"broken", timestamp, headers=((RECEIVED_AT, header),))])
    ((what, day, _),) = attempt.seal.objects
    assert what is ObjectKind.DEAD
    assert day.year in (1970, 9999)


def test_the_position_of_a_table_never_passes_a_message_it_has_not_seen(tmp_path: Path) -> None:
    marks = Marks(tmp_path, "seen-1", "changelog", timedelta(days=1))
    marks.recovered(0, 4)
    marks.acknowledged(0, 6)  # 5 is another writer's
    assert marks.position(0) == 4
    marks.acknowledged(0, 5)
    assert marks.position(0) == 6
    marks.close()


def test_a_damaged_table_is_built_again_from_the_changelog(tmp_path: Path) -> None:
    marks = Marks(tmp_path, "seen-1", "changelog", timedelta(days=1))
    key = b"k" * 24
    marks.apply(0, [(9, MARK.pack(key, OFFSET.pack(3)))])
    assert marks.lookup(0, [key]) == [OFFSET.pack(3)]
    marks.close()
    for part in (tmp_path / "seen-1-0.db").glob("MANIFEST-*"):
        part.write_bytes(b"damaged")
    assert marks.position(0) is None
    marks.apply(0, [(9, MARK.pack(key, OFFSET.pack(3)))])
    assert marks.lookup(0, [key]) == [OFFSET.pack(3)]
    marks.wipe()
