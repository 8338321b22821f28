"""Lanes that send together: one request, each batch with a fate of its own."""

import asyncio
import time

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.protocol.produce import ProduceRequest
from msgspec.structs import replace

from app.gateway.background import Background
from app.gateway.delivery import Delivery, Patience, Placed, Unplaced
from app.gateway.tick import Tick
from app.kafka import KafkaOptions
from tests.gateway.orders import until
from tests.gateway.publishing import Publishing, publishing

KEYS = [str(number) for number in range(20)]


def counting_requests(it: Publishing) -> list[ProduceRequest]:
    """Each produce request from now on is put into the list that is returned."""
    seen: list[ProduceRequest] = []
    send = it.producer.client.send

    async def counted(node: int, request: object, **more: object) -> object:
        if isinstance(request, ProduceRequest):
            seen.append(request)
        return await send(node, request, **more)

    it.producer.client.send = counted
    return seen


async def test_events_that_came_one_by_one_leave_in_one_request(kafka: KafkaOptions) -> None:
    async with publishing(kafka, linger_ms=1_000) as it:
        await it.publish(*KEYS)  # the producer has asked for the topic by then
        requests = counting_requests(it)
        waiting = []
        for key in KEYS:
            waiting.append(asyncio.create_task(it.publish(key)))
            await asyncio.sleep(0.001)
        places = await asyncio.gather(*waiting)
        assert len({place.partition for (place,) in places if isinstance(place, Placed)}) > 1
        assert len(requests) == 1


async def test_a_lane_has_one_batch_on_its_way_and_the_rest_follows_in_order(
    kafka: KafkaOptions,
) -> None:
    async with publishing(kafka) as it:
        (first,) = await it.publish("A")
        assert isinstance(first, Placed)
        lane = TopicPartition(it.topic, first.partition)
        it.hold_up(first.partition)
        later = []
        for _ in range(5):
            later.append(asyncio.create_task(it.publish("A")))
            await asyncio.sleep(0.02)  # several times as long as they linger
            assert it.in_accumulator() == {lane: 1}
        it.let_through()
        places = [(await one)[0] for one in later]
        assert places == [replace(first, offset=number) for number in range(1, 6)]


async def test_a_batch_that_fails_leaves_those_beside_it_alone(kafka: KafkaOptions) -> None:
    async with publishing(kafka, linger_ms=50) as it:
        before = await it.publish(*KEYS)
        sick = before[0]
        assert isinstance(sick, Placed)
        partition = TopicPartition(it.topic, sick.partition)
        it.producer._txn_manager.increment_sequence_number(partition, 3)
        after = await it.publish(*KEYS)
        for was, now in zip(before, after, strict=True):
            assert isinstance(was, Placed)
            assert (now is Unplaced.UNKNOWN) == (was.partition == sick.partition)
        assert all(isinstance(place, Placed) for place in await it.publish(*KEYS))


async def test_events_that_wait_while_their_producer_is_retired_go_to_the_next_one(
    kafka: KafkaOptions,
) -> None:
    async with publishing(kafka, linger_ms=50) as it:
        await it.publish(*KEYS)
        former = it.producer
        waiting = asyncio.create_task(it.publish(*KEYS))
        await asyncio.sleep(0)
        it.publisher._producers.retire(former, KafkaError("for the test"))
        assert all(isinstance(place, Placed) for place in await waiting)
        assert it.replaced(former)


async def test_events_given_to_a_producer_that_has_just_closed_go_to_the_next_one(
    kafka: KafkaOptions,
) -> None:
    async with publishing(kafka) as it:
        places = await it.publish(*KEYS)
        former = it.producer
        former._message_accumulator._closed = True  # as its stop does first of all
        waiting = asyncio.create_task(it.publish(*KEYS))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        it.publisher._producers.retire(former, KafkaError("for the test"))
        after = await waiting
        assert [place.partition for place in after if isinstance(place, Placed)] == [
            place.partition for place in places if isinstance(place, Placed)
        ]


class Asking:
    """A lane that only says when it was asked to send, and never ends if it is `slow`."""

    def __init__(self, topic: str, *, slow: bool = False) -> None:
        self.topic = topic
        self.since: float | None = None
        self.sent = asyncio.Event()
        self._slow = slow

    def due(self, now: float) -> None:
        self.since = now

    async def send(self, producer: object) -> None:
        self.sent.set()
        if self._slow:
            await asyncio.Event().wait()


async def test_a_topic_that_the_producer_has_to_ask_for_holds_up_no_other(
    kafka: KafkaOptions,
) -> None:
    async with publishing(kafka) as it:
        await it.publish("A")
        background = Background()
        tick = Tick(it.publisher._producers, background, 0.0)
        unknown, known = Asking("events.nowhere.v1", slow=True), Asking(it.topic)
        tick.join(unknown)
        tick.join(known)
        await known.sent.wait()
        await unknown.sent.wait()
        assert unknown.since == known.since
        await background.cancel()


async def test_a_lane_that_was_busy_does_not_linger_and_takes_the_others_along(
    kafka: KafkaOptions,
) -> None:
    async with publishing(kafka) as it:
        await it.publish("A")
        background = Background()
        tick = Tick(it.publisher._producers, background, 3_600.0)
        lingering, free = Asking(it.topic), Asking(it.topic)
        tick.join(lingering)
        tick.join(free, at_once=True)
        await lingering.sent.wait()
        assert lingering.since == free.since
        late = Asking(it.topic)
        tick.join(late)
        tick.close()
        tick.join(Asking(it.topic), at_once=True)
        await background.cancel()
        await asyncio.sleep(0.05)
        assert not background._tasks
        assert not late.sent.is_set()


async def test_an_error_nobody_thought_of_in_a_lane_ends_the_role() -> None:
    background = Background()

    def stumble(_: asyncio.Future[None]) -> None:
        raise LookupError("for the test")

    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    answer.add_done_callback(background.guarded(stumble))
    answer.set_result(None)
    with pytest.raises(LookupError):
        await background.failed


async def test_each_delivery_is_given_up_in_its_turn_and_none_is_remembered() -> None:
    patience = Patience(0.1)
    first, settled, last = (Delivery(1, 0) for _ in range(3))
    waits = [asyncio.create_task(patience.wait(one)) for one in (first, settled)]
    await asyncio.sleep(0.05)
    waits.append(asyncio.create_task(patience.wait(last)))
    place = Placed("t", 0, 7)
    settled.settle(0, place)
    await waits[0]
    assert (first.given_up, settled.given_up, last.given_up) == (True, False, False)
    await asyncio.gather(*waits)
    assert last.given_up
    assert settled.places == [place]
    assert not patience._due


async def test_who_is_cancelled_while_waiting_has_given_up() -> None:
    patience, delivery = Patience(3_600), Delivery(1, 0)
    waiting = asyncio.create_task(patience.wait(delivery))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    assert delivery.given_up
    assert not patience._due


async def test_what_left_before_it_does_not_hide_that_a_batch_gets_no_answer(
    kafka: KafkaOptions,
) -> None:
    async with publishing(kafka, publish_timeout_seconds=0.1) as it:
        lane, now = it.publisher._lanes[it.topic][0], time.monotonic()
        await until(lambda: time.monotonic() > now + 0.2)
        lane.due(now)
        it.publisher._left_and_acknowledged = now - 1
        it.publisher._acknowledged(now - 0.5)
        assert it.publisher._silent()
        it.publisher._acknowledged(now)
        assert not it.publisher._silent()
        it.publisher._acknowledged(now - 0.5)  # another, which took longer
        assert not it.publisher._silent()
        lane.busy_since = None
