"""Which chain goes on in which log, with Kafka's answers given by hand and a real ledger."""

from collections.abc import AsyncIterator, Collection, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from ulid import ULID

from app.core.errors import Fenced
from app.core.seal import DayCounts, Range, Seal, partition_name
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.ledger.protocol import ChainStart, Ledger
from app.worker.chains import Chains, Log
from app.worker.extent import Place
from tests.worker.kinds import kind

ORDER = kind("order")
PLACE = (ORDER.topic, 0)
TP = partition_name(*PLACE)


class Kafka:
    """Gives these answers one after another, and the last one for ever."""

    def __init__(self, *answers: Log | None) -> None:
        self.answers = list(answers)

    async def logs(self, places: Collection[Place]) -> Mapping[Place, Log]:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return {} if answer is None else dict.fromkeys(places, answer)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    opened = await open_ledger(LedgerOptions(url=f"sqlite:///{tmp_path}/ledger.db"))
    yield opened
    await opened.close()


async def continued(ledger: Ledger, *answers: Log | None) -> tuple[str, int] | None:
    """The name of the chain to go on with, and the offset."""
    chains = Chains({ORDER.topic: ORDER}, ledger, Kafka(*answers).logs)
    found = await chains.continued([PLACE])
    offsets = await chains.cursors(found)
    return (found[PLACE][0].log, offsets[PLACE]) if found else None


async def sealed(ledger: Ledger, first: int, next: int, tp: str = TP) -> None:
    await ledger.record(
        Seal(
            id=str(ULID()),
            event=ORDER.name,
            version=1,
            worker="w",
            sealed_at=datetime.now(UTC),
            config_sha="sha",
            ranges=(Range(tp, first, next, next - first),),
            objects=(),
            days={date(2026, 3, 1): DayCounts(duplicates=next - first)},
        )
    )


async def losses(ledger: Ledger) -> list[tuple[str, int, int]]:
    return [(i.range.tp, i.range.first, i.range.next) async for i in ledger.incidents()]


async def test_a_log_goes_on_where_its_chain_ends(ledger: Ledger) -> None:
    assert await continued(ledger, Log(0, 100, "a")) == (ORDER.topic, 0)
    await sealed(ledger, 0, 50)
    assert await continued(ledger, Log(7, 100, "a")) == (ORDER.topic, 50)
    assert await continued(ledger, Log(60, 100, "a")) == (ORDER.topic, 60)
    assert await losses(ledger) == [(TP, 50, 60)]


async def test_what_retention_removed_before_a_worker_ever_came_is_an_incident(
    ledger: Ledger,
) -> None:
    for _ in range(2):
        assert await continued(ledger, Log(7, 100, "a")) == (ORDER.topic, 7)
    assert await losses(ledger) == [(TP, 0, 7)]
    assert await continued(ledger, Log(3, 50, "b")) == (f"{ORDER.topic}~b", 3)
    assert await losses(ledger) == [(TP, 0, 7), (TP, 7, 7), (f"{ORDER.topic}~b/0", 0, 3)]


async def test_a_partition_that_kafka_does_not_have_is_left_alone(ledger: Ledger) -> None:
    assert await continued(ledger, None) is None
    assert await ledger.partitions() == {}


async def test_a_former_owner_that_seals_while_we_look_makes_no_incident(ledger: Ledger) -> None:
    await continued(ledger, Log(0, 100, "a"))
    await sealed(ledger, 0, 150)  # asked before, Kafka had not so much
    assert await continued(ledger, Log(0, 100, "a"), Log(0, 160, "a")) == (ORDER.topic, 150)
    assert await losses(ledger) == []


async def test_a_log_that_goes_back_again_and_again_gets_a_chain_each_time(
    ledger: Ledger,
) -> None:
    await continued(ledger, Log(0, 100, "abcdefgh-1"))
    await sealed(ledger, 0, 100)
    second, third = f"{ORDER.topic}~abcdefgh+2", f"{ORDER.topic}~abcdefgh+3"
    assert await continued(ledger, Log(3, 40, "abcdefgh-1")) == (second, 3)
    await sealed(ledger, 3, 40, f"{second}/0")
    assert await continued(ledger, Log(3, 90, "abcdefgh-1")) == (second, 40)
    assert await continued(ledger, Log(3, 20, "abcdefgh-1")) == (third, 3)
    assert await continued(ledger, Log(30, 50, "abcdefgh-1")) == (third, 30)
    assert await losses(ledger) == [
        (TP, 100, 100),
        (f"{second}/0", 40, 40),
        (f"{third}/0", 3, 30),
    ]
    with pytest.raises(Fenced):
        await sealed(ledger, 100, 120)


async def test_a_worker_that_died_between_an_end_and_a_beginning_is_gone_on_from(
    ledger: Ledger,
) -> None:
    await continued(ledger, Log(0, 100, "a"))
    dying = Chains({ORDER.topic: ORDER}, Dying(ledger), Kafka(Log(0, 50, "b")).logs)  # type: ignore[arg-type]
    with pytest.raises(ConnectionResetError):
        await dying.continued([PLACE])
    assert (await ledger.cursors([TP]))[TP].ended
    again = await continued(ledger, Log(5, 50, "c"))  # and the topic was replaced once more
    assert again == (f"{ORDER.topic}~c", 5)
    assert await losses(ledger) == [
        (TP, 0, 0),
        (f"{ORDER.topic}~b/0", 0, 0),
        (f"{ORDER.topic}~c/0", 0, 5),
    ]


class Dying:
    """A ledger that takes the end of a chain and begins no second one."""

    def __init__(self, real: Ledger) -> None:
        self._real = real
        self.record_incident = real.record_incident

    async def start_chains(self, starts: Collection[ChainStart]) -> object:
        if any("~" in start.tp for start in starts):
            raise ConnectionResetError
        return await self._real.start_chains(starts)
