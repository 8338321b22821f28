"""Dead letters judged again, mended, sent, and recorded as sent: in this order."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka.errors import KafkaTimeoutError

from app.core.disposal import Fate
from app.core.errors import Fenced, Transient
from app.core.headers import RECEIVED_AT, REJECTED, REPLAY_OF, RUN
from app.core.partition import partition_of
from app.letters import sending
from app.letters.fix.mend import read_fix
from app.letters.sending import Replay, headers_of
from app.letters.trial import Trial
from app.worker.records import Clock
from tests.backtest.parcels import parcel
from tests.contracts.topic_files import changed
from tests.letters.box import NOON, Box, Sent, opened_box

HEAVY = read_fix("{do: map, field: weight_grams, values: {'0': 1}}")
WHY = "the scales were off"


@dataclass
class Producer:
    """Takes what is sent, and may refuse what comes after so many."""

    refuses_after: int = 1_000_000
    sent: list[dict[str, Any]] = field(default_factory=list)

    async def send(self, topic: str, value: bytes, **more: Any) -> "asyncio.Future[object]":
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        if len(self.sent) < self.refuses_after:
            self.sent.append({"topic": topic, "value": value, **more})
            answer.set_result(None)
        else:
            answer.set_exception(KafkaTimeoutError())
        return answer


def replay_of(box: Box, producer: Producer, at: Any = lambda point: None) -> Replay:
    return Replay(producer, box.ledger, box.kind, box.contract, WHY, at)  # type: ignore[arg-type]


async def disposed(box: Box) -> list[int]:
    """The offsets of all letters that were recorded as sent, one by one."""
    return [
        offset
        async for disposal in box.ledger.disposals()
        for offsets in disposal.letters.values()
        for offset in offsets
        if disposal.fate is Fate.REPLAYED
    ]


async def test_a_trial_tells_what_would_pass_and_what_would_be_rejected_of_what(
    tmp_path: Path,
) -> None:
    async with opened_box(tmp_path) as box:
        late = Sent(parcel(3, weight_grams=0), NOON + timedelta(days=9))
        await box.bury(parcel(1, weight_grams=0), parcel(2, user_4711=5), late, b"{")
        trial = Trial(box.kind, box.contract, HEAVY)
        mended = [trial.judge(letter) for letter in await box.letters()]
        passed = [orjson.loads(raw) for raw in mended if raw is not None]
        assert [one["weight_grams"] for one in passed] == [1]
        outcomes = trial.outcomes
        assert (outcomes.judged, outcomes.passing, outcomes.mended) == (4, 1, 2)
        # Judged by the time it was received, it is as late as it was.
        assert outcomes.rejected == {
            ("schema", "aaaa_9999"): 1, ("too_late", None): 1, ("not_json", None): 1,
        }  # fmt: skip


async def test_without_a_fix_what_the_topic_files_of_now_take_passes_as_it_was_sent(
    tmp_path: Path,
) -> None:
    async with opened_box(tmp_path) as box:
        raw = parcel(1, weight_grams=0).replace(b",", b" , ")
        await box.bury(raw)
        (letter,) = await box.letters()
        assert Trial(box.kind, box.contract, None).judge(letter) is None
    wider = ("minimum: 1\n", "minimum: 0\n")
    light = ("weight_grams: 0}", "weight_grams: -1}")
    async with opened_box(tmp_path, changed(wider, light)) as then:
        assert Trial(then.kind, then.contract, None).judge(letter) == raw


async def test_a_letter_of_a_day_that_can_not_be_made_again_stays_where_it_is(
    tmp_path: Path,
) -> None:
    async with opened_box(tmp_path) as box:
        await box.bury(parcel(1, weight_grams=0), parcel(2, user_4711=5))
        trial = Trial(box.kind, box.contract, HEAVY, {NOON.date()})
        assert [trial.judge(letter) for letter in await box.letters()] == [None, None]
        assert trial.outcomes.passing == 0
        assert trial.outcomes.rejected == {
            ("day_summarised", None): 1, ("schema", "aaaa_9999"): 1,
        }  # fmt: skip


async def test_a_letter_of_a_declared_run_is_judged_in_it(tmp_path: Path) -> None:
    run = "2026-03-01.01JNJ8QC3W5V8K4Y0J6M2T9R1B"
    in_runs = changed(("early_minutes: 60", "early_minutes: 60, runs: true"))
    async with opened_box(tmp_path, in_runs) as box:
        await box.bury(
            Sent(parcel(1, weight_grams=0), more=((RUN, run.encode()),)), parcel(2, weight_grams=0)
        )
        known, lone = await box.letters()
        trial = Trial(box.kind, box.contract, HEAVY)
        assert trial.judge(known) is not None
        assert (RUN, run.encode()) in headers_of(known)
        assert trial.judge(lone) is None
        assert trial.outcomes.rejected == {("run", None): 1}


async def test_a_letter_goes_where_its_kin_go_with_its_time_and_its_name(tmp_path: Path) -> None:
    async with opened_box(tmp_path) as box:
        more = (("trace", b"abc"), (REJECTED, b"schema"), (REPLAY_OF, b"an older one"))
        (name,) = await box.bury(Sent(parcel(1, weight_grams=0), more=more), skip=3)
        (letter,) = await box.letters()
        producer = Producer()
        replay = replay_of(box, producer)
        await replay.take(letter, parcel(1))
        assert producer.sent == []  # it waits for more
        await replay.flush()
        (sent,) = producer.sent
        assert sent["topic"] == box.contract.topic
        assert sent["value"] == parcel(1)
        assert sent["key"] == b"P1"
        assert sent["partition"] == partition_of(b"P1", box.contract.partitions)
        noon = str(int(NOON.timestamp() * 1000)).encode()
        assert sent["headers"] == [
            ("trace", b"abc"), (RECEIVED_AT, noon), (REPLAY_OF, str(name).encode()),
        ]  # fmt: skip
        assert await disposed(box) == [3]
        (disposal,) = [one async for one in box.ledger.disposals()]
        assert (disposal.event, disposal.why) == (box.contract.event, WHY)
        await replay.flush()
        assert len(producer.sent) == 1


async def test_the_worker_reads_the_very_time_of_the_first_receipt(tmp_path: Path) -> None:
    async with opened_box(tmp_path) as box:
        odd = NOON + timedelta(milliseconds=987)
        await box.bury(Sent(parcel(1, weight_grams=0), odd))
        (letter,) = await box.letters()
        again = Sent(b"", NOON + timedelta(days=1))
        record = type("Record", (), {"headers": headers_of(letter), "timestamp": again.timestamp})
        assert Clock().received(record()).at == odd  # type: ignore[arg-type]


async def test_batches_are_of_so_many_letters_or_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened_box(tmp_path) as box:
        await box.bury(*[parcel(1, weight_grams=0)] * 6)
        first, second, third, *more = await box.letters()
        producer = Producer()
        replay = replay_of(box, producer)
        monkeypatch.setattr(sending, "MAX_BYTES", 3 * len(parcel(1)))
        for letter in (first, second):
            await replay.take(letter, parcel(1))
        assert len(producer.sent) == 0
        await replay.take(third, parcel(1))
        assert len(producer.sent) == 3
        monkeypatch.setattr(sending, "MAX_LETTERS", 2)
        for letter in more:
            await replay.take(letter, parcel(1))
        assert len(producer.sent) == 5
        await replay.flush()
        assert await disposed(box) == [0, 1, 2, 3, 4, 5]


async def test_what_kafka_did_not_acknowledge_is_not_recorded(tmp_path: Path) -> None:
    async with opened_box(tmp_path) as box:
        await box.bury(*[parcel(n, weight_grams=0) for n in range(5)])
        replay = replay_of(box, Producer(refuses_after=3))
        for letter in await box.letters():
            await replay.take(letter, parcel(letter.offset))
        with pytest.raises(Transient, match="sending parcel_scanned again"):
            await replay.flush()
        assert await disposed(box) == []
        assert replay.sent == 0


async def test_a_crash_between_sending_and_recording_leaves_the_letters_open(
    tmp_path: Path,
) -> None:
    class Crash(Exception):
        pass

    def crash(point: str) -> None:
        assert point == "after_replay"
        raise Crash

    async with opened_box(tmp_path) as box:
        await box.bury(parcel(1, weight_grams=0))
        (letter,) = await box.letters()
        producer = Producer()
        mended = Trial(box.kind, box.contract, HEAVY).judge(letter)
        assert mended is not None
        dying = replay_of(box, producer, crash)
        await dying.take(letter, mended)
        with pytest.raises(Crash):
            await dying.flush()
        assert len(producer.sent) == 1
        assert await disposed(box) == []
        again = replay_of(box, producer)
        mended_again = Trial(box.kind, box.contract, HEAVY).judge(letter)
        assert mended_again == mended
        await again.take(letter, mended)
        await again.flush()
        first, second = producer.sent
        assert first == second  # the worker sees a copy: the same key, the same everything
        keys = {box.kind.dedupe_key(box.kind.transform(box.kind.parse(m["value"]))) for m in
                producer.sent}  # fmt: skip
        assert len(keys) == 1
        assert await disposed(box) == [0]


async def test_a_ledger_that_refuses_is_told_though_kafka_has_the_events(tmp_path: Path) -> None:
    async with opened_box(tmp_path) as box:
        await box.bury(parcel(1, weight_grams=0))
        (letter,) = await box.letters()

        class Refusing:
            async def record_disposal(self, disposal: Any) -> None:
                raise Fenced("taken")

        replay = replay_of(box, Producer())
        replay._ledger = Refusing()  # type: ignore[assignment]
        await replay.take(letter, parcel(1))
        with pytest.raises(Fenced):
            await replay.flush()
        assert replay.sent == 0
