"""The one memory budget of all topics, as its metrics tell it of a worker that runs."""

from aiokafka import AIOKafkaProducer
from prometheus_client import REGISTRY

from app.kafka import TopicSpec, ensure_topics
from app.worker.options import SealOptions
from tests.worker.kinds import event, kind
from tests.worker.world import World, until

SEAL_PARTS = ("writers", "uploads", "marks")


def held(part: str) -> float:
    found = REGISTRY.get_sample_value("forebay_worker_memory_bytes", {"part": part})
    assert found is not None
    return found


def limit(part: str) -> float:
    found = REGISTRY.get_sample_value("forebay_worker_memory_limit_bytes", {"part": part})
    assert found is not None
    return found


async def test_writers_and_marks_rise_with_the_rows_and_are_let_go_of_by_the_seal(
    world: World,
) -> None:
    async with world.worker(seal=SealOptions(max_age_seconds=3_600)):
        await world.produce(event(n, filler="x" * 100) for n in range(500))

        async def all_are_open() -> bool:
            labels = {"event": world.kind.name, "verdict": "staged"}
            return REGISTRY.get_sample_value("forebay_worker_events_total", labels) == 500

        await until("500 rows are open", all_are_open)
        assert held("marks") > 0
        assert held("writers") > 500 * 100
        assert held("uploads") == 0
        assert 0 < held("tables") < limit("tables")
        assert held("fetch") == limit("fetch") == 3 * (256 << 10)
    assert [held(part) for part in SEAL_PARTS] == [0, 0, 0]
    assert (await world.each_once())["staged"] == 500


async def test_many_topics_hold_together_what_the_budget_allows(world: World) -> None:
    names = [f"{world.kind.name}x{number}" for number in range(7)]
    world.kinds |= {name: kind(name) for name in names}
    world.partitions |= dict.fromkeys(names, 3)
    await ensure_topics(world.kafka, {world.kinds[name].topic: TopicSpec(3) for name in names})
    budget, largest = 400_000, 0.0
    seal = SealOptions(max_age_seconds=3_600, memory_bytes=budget)
    async with (
        world.worker(seal=seal),
        AIOKafkaProducer(**world.kafka.client(), linger_ms=5) as producer,
    ):
        for topic in [known.topic for known in world.kinds.values()] * 2:
            for number in range(300):
                value = event(number, filler="x" * 500)
                await producer.send(topic, value, partition=number % 3)
            largest = max(largest, sum(map(held, SEAL_PARTS)))

        async def some_are_sealed() -> bool:
            nonlocal largest
            largest = max(largest, sum(map(held, SEAL_PARTS)))
            return len(await world.seals()) > len(names)

        await until("seals are cut, though none is old or large", some_are_sealed)
    assert limit("seals") == budget
    assert budget / 4 < largest < budget * 2  # looked at after each list of records, not before
