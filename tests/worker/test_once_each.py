"""What is produced comes out once, accounted for."""

from base64 import b64decode
from datetime import date
from pathlib import Path

from aiokafka import AIOKafkaProducer

from app.core.headers import RECEIVED_AT
from app.core.seal import ObjectKind
from app.kafka import KafkaOptions
from tests.worker.kinds import event
from tests.worker.world import World, a_world


async def test_what_is_produced_comes_out_once_across_days_and_partitions(world: World) -> None:
    async with world.worker():
        await world.produce(event(n, day=1 + n % 5) for n in range(3_000))
        await world.produce(event(n, day=1 + n % 5) for n in range(0, 3_000, 3))
        await world.sealed_to_the_end()
    fates = await world.each_once()
    assert (fates["staged"], fates["duplicates"], fates["dead"]) == (3_000, 1_000, 0)
    days = {stored.day for seal in await world.seals() for stored in seal.objects}
    assert days == {date(2026, 3, number) for number in range(1, 6)}
    for row in await world.rows():
        assert row["day"] == row["at"][:10]
        assert row["_topic"] == world.kind.topic


async def test_a_bad_record_becomes_a_dead_letter_that_holds_it_whole(world: World) -> None:
    async with AIOKafkaProducer(**world.kafka.client()) as producer:
        for value in (b"\xff{", None, b'{"id": 7}'):
            await producer.send_and_wait(
                world.kind.topic,
                value,
                key=b"\x00k",
                headers=[(RECEIVED_AT, b"1772366400123"), ("odd", b"\xfe")],
            )
    async with world.worker():
        await world.sealed_to_the_end()
    dead = sorted(await world.lines(ObjectKind.DEAD), key=lambda line: line["offset"])
    assert [line["reason"] for line in dead] == ["not_json", "not_json", "schema"]
    assert [line["value"] and b64decode(line["value"]) for line in dead] == [
        b"\xff{",
        None,
        b'{"id": 7}',
    ]
    assert {b64decode(line["key"]) for line in dead} == {b"\x00k"}
    assert dead[2]["field"] == "id"
    assert [name for name, _ in dead[0]["headers"]] == [RECEIVED_AT, "odd"]
    assert {line["received_at"] for line in dead} == {"2026-03-01T12:00:00.123Z"}
    (seal,) = await world.seals()
    assert {stored.day for stored in seal.objects} == {date(2026, 3, 1)}
    assert seal.dead_by_reason == {"not_json": 2, "schema": 1}
    assert (await world.balance())["dead"] == 3


async def test_a_rejected_event_does_not_stop_its_repaired_copy(world: World) -> None:
    async with world.worker():
        await world.produce([b'{"id": "e1", "at": "yesterday"}', event(1), event(1)])
        await world.sealed_to_the_end()
    fates = await world.balance()
    assert (fates["staged"], fates["duplicates"], fates["dead"]) == (1, 1, 1)
    assert [row["id"] for row in await world.rows()] == ["e1"]


async def test_with_keep_last_a_changed_copy_passes_and_an_identical_one_does_not(
    kafka: KafkaOptions, tmp_path: Path
) -> None:
    async with a_world(kafka, tmp_path, keep="last") as world:
        async with world.worker():
            await world.produce([event(1, state="new"), event(1, state="paid")])
            await world.produce([event(1, state="new"), event(1, state="paid")])
            await world.sealed_to_the_end()
        rows = await world.lines(ObjectKind.ROWS)
        assert [row["state"] for row in rows] == ["new", "paid"]
        assert (await world.balance())["duplicates"] == 2


async def test_the_table_recovered_from_its_changelog_knows_every_event(world: World) -> None:
    sent = [event(n, day=1 + n % 3) for n in range(2_000)]
    async with world.worker("first"):
        await world.produce(sent)
        await world.sealed_to_the_end()
    async with world.worker("second"):
        await world.produce(sent)
        await world.sealed_to_the_end()
    fates = await world.each_once()
    assert (fates["staged"], fates["duplicates"]) == (2_000, 2_000)


async def test_committed_group_offsets_do_not_matter(world: World) -> None:
    async with world.worker():
        await world.produce(event(n) for n in range(900))
        await world.sealed_to_the_end()
    assert await world.group_offsets() == await world.ends()  # told to lag tools on leaving
    await world.produce(event(n) for n in range(900, 1_200))
    ends = await world.ends()
    behind, ahead, _ = sorted(ends)
    await world.commit({behind: 5, ahead: ends[ahead]})
    async with world.worker():
        await world.sealed_to_the_end()
    fates = await world.each_once()
    assert (fates["staged"], fates["duplicates"]) == (1_200, 0)
