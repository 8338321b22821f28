"""What nobody has read of topics that no topic file names."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from loguru import logger
from prometheus_client import REGISTRY

from app.core.errors import Transient
from app.core.seal import Range
from app.core.versions import event_of
from app.kafka_logs import LogEnds
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.ledger.protocol import ChainStart, Incident, Ledger
from app.worker import left_behind
from app.worker.left_behind import LeftBehind
from tests.ledger.examples import NOON, seal
from tests.worker.world import until

OLD, NEW = "events.sale.v1", "events.sale.v2"


@dataclass
class Logs:
    """Kafka's logs; `answers`: whether Kafka can be reached."""

    there: dict[str, LogEnds] = field(default_factory=dict)
    answers: bool = True
    asked: int = 0

    async def __call__(
        self, topics: Collection[str], events: Collection[str] = ()
    ) -> Mapping[str, LogEnds]:
        self.asked += 1
        if not self.answers:
            raise Transient("no broker")
        return {
            tp: log
            for tp, log in self.there.items()
            for topic in [tp.rpartition("/")[0]]
            if topic in topics or event_of(topic) in events
        }


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    """The first version is read up to 5 in its first partition."""
    opened = await open_ledger(LedgerOptions(url=f"sqlite:///{tmp_path}/ledger.db"))
    await opened.start_chains([ChainStart("sale", f"{OLD}/0", 0, "t1")])
    await opened.record(seal(Range(f"{OLD}/0", 0, 5, 5), event="sale"))
    yield opened
    await opened.close()


@pytest.fixture
def errors() -> Iterator[list[str]]:
    said: list[str] = []
    sink = logger.add(said.append, level="ERROR", format="{message}")
    yield said
    logger.remove(sink)


async def test_it_counts_what_kafka_has_beyond_what_the_ledger_says(ledger: Ledger) -> None:
    logs = Logs({f"{OLD}/0": LogEnds(0, 12, "t1"), f"{OLD}/1": LogEnds(40, 43, "t1"),
                 f"{NEW}/0": LogEnds(0, 9, "t2"), "events.other.v1/0": LogEnds(0, 9, "t3"),
                 "events.sale.v7/0": LogEnds(0, 1, "t4")})  # fmt: skip
    look = LeftBehind({"sale": NEW}, ledger, logs)
    assert await look.find() == {OLD: 7 + 3, "events.sale.v7": 1}
    logs.there = {f"{OLD}/0": LogEnds(5, 5, "t1"), f"{NEW}/0": LogEnds(0, 9, "t2")}
    assert await look.find() == {}


async def test_the_topic_of_an_event_without_a_file_is_one_too(ledger: Ledger) -> None:
    logs = Logs({f"{OLD}/0": LogEnds(0, 12, "t1")})
    assert await LeftBehind({"visit": "events.visit.v1"}, ledger, logs).find() == {OLD: 7}
    assert await LeftBehind({"sale": OLD}, ledger, logs).find() == {}


async def test_what_was_read_of_an_earlier_topic_of_this_name_does_not_count(
    ledger: Ledger,
) -> None:
    logs = Logs({f"{OLD}/0": LogEnds(0, 4, "t9")})
    look = LeftBehind({"sale": NEW}, ledger, logs)
    assert await look.find() == {OLD: 4}
    end = Incident("01END", "sale", Range(f"{OLD}/0", 5, 5, 0), "created again", NOON, "t9")
    await ledger.record_incident(end)
    assert await look.find() == {OLD: 4}
    await ledger.start_chains([ChainStart("sale", f"{OLD}~t9/0", 3, "t9")])
    assert await look.find() == {OLD: 1}


async def test_each_look_says_it_until_nothing_is_left_and_one_that_fails_ends_nothing(
    ledger: Ledger, errors: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(left_behind, "LOOK_SECONDS", 0.01)
    logs = Logs({f"{OLD}/0": LogEnds(0, 12, "t1")}, answers=False)
    watch = asyncio.create_task(LeftBehind({"sale": NEW}, ledger, logs).watch())

    async def gauge(wanted: float) -> bool:
        labels = {"event": "sale"}
        return REGISTRY.get_sample_value("forebay_worker_left_behind_offsets", labels) == wanted

    async def asked_twice() -> bool:
        return logs.asked > 1

    await until("it goes on asking", asked_twice)
    logs.answers = True
    await until("it is told", lambda: gauge(7))
    assert errors[0].startswith(f"7 offsets of {OLD} were never read")
    logs.there = {}
    await until("nothing is left", lambda: gauge(0))
    watch.cancel()
