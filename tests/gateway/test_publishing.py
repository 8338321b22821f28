"""What an answer promises is what stands in Kafka."""

import asyncio
from collections import defaultdict
from dataclasses import replace
from uuid import uuid4

import orjson
from aiokafka import AIOKafkaProducer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.errors import FilteredError
from app.core.headers import RECEIVED_AT
from app.core.judge import Row
from app.core.partition import partition_of
from app.kafka import KafkaOptions
from app.metrics import GATEWAY_EVENTS
from tests.gateway.orders import (
    PARTITIONS,
    all_records,
    ndjson,
    opened,
    order,
    order_type,
    record_at,
)

PATH = "/v1/events/order_placed"


async def test_an_accepted_event_stands_where_the_answer_says_byte_for_byte(
    kafka: KafkaOptions,
) -> None:
    sent = orjson.dumps(order("Größe"), option=orjson.OPT_INDENT_2)
    async with opened(kafka, order_type()) as client:
        answer = await client.post(PATH, b" [" + sent + b" ] ")
    assert (answer.status, answer.statuses) == (202, ["accepted"])
    record = await record_at(kafka, answer.results[0])
    assert record.value == sent
    assert record.key == "Größe".encode()
    assert dict(record.headers) == {RECEIVED_AT: str(record.timestamp).encode()}


async def test_each_event_of_a_mixed_batch_gets_its_own_answer_and_place(
    kafka: KafkaOptions,
) -> None:
    events = [order(str(n), total_cents=-1 if n % 3 == 0 else n) for n in range(40)]
    async with opened(kafka, order_type()) as client:
        answer = await client.post(PATH, ndjson(*events), Content_Type="application/x-ndjson")
    assert answer.status == 207
    for number, (event, result) in enumerate(zip(events, answer.results, strict=True)):
        assert result["status"] == ("rejected" if number % 3 == 0 else "accepted")
        assert orjson.loads((await record_at(kafka, result)).value) == event


async def test_a_rejected_event_is_kept_for_the_worker_and_the_answer_says_so(
    kafka: KafkaOptions,
) -> None:
    kind = order_type()
    events = [
        order("A", total_cents="free"),
        order("B", days_ago=10),
        order("C", days_ago=-1),
        {"unrelated": True},
    ]
    async with opened(kafka, kind) as client:
        answer = await client.post(PATH, events)
    assert answer.status == 422
    assert [r["reason"] for r in answer.results] == ["schema", "too_late", "too_early", "schema"]
    assert all(r["kept"] for r in answer.results)
    records = [await record_at(kafka, result) for result in answer.results]
    assert [record.key for record in records] == [b"A", b"B", b"C", None]
    assert [orjson.loads(record.value) for record in records] == events


async def test_a_rejected_event_lies_in_the_partition_of_its_good_kin(
    kafka: KafkaOptions,
) -> None:
    async with opened(kafka, order_type()) as client:
        good, bad = (await client.post(PATH, [order("A"), order("A", total_cents=-1)])).results
    assert good["partition"] == bad["partition"] == partition_of(b"A", PARTITIONS)


async def test_what_can_not_be_a_dead_letter_is_not_kept(kafka: KafkaOptions) -> None:
    kind = order_type()
    lines = [b"[]", b"7", b"{broken", orjson.dumps(order("x" * 300_000))]
    async with opened(kafka, kind) as client:
        answer = await client.post(PATH, b"\n".join(lines), Content_Type="application/x-ndjson")
        unknown = await client.post("/v1/events/order_lost", order())
    assert (answer.status, unknown.status) == (422, 422)
    assert [(r["reason"], r["kept"]) for r in answer.results + unknown.results] == [
        ("not_json", False),
        ("not_json", False),
        ("not_json", False),
        ("too_large", False),
        ("unknown_event", False),
    ]
    assert await all_records(kafka, kind.topic) == []


async def test_an_envelope_sends_each_event_to_the_topic_of_its_type(kafka: KafkaOptions) -> None:
    placed, moved = order_type(), order_type("order_moved")
    async with opened(kafka, placed, moved) as client:
        answer = await client.post(
            "/v1/events",
            {"events": [{"type": kind.name, "data": order()} for kind in (placed, moved, placed)]},
        )
    assert answer.status == 202
    assert [r["topic"] for r in answer.results] == [placed.topic, moved.topic, placed.topic]


async def test_validation_publishes_nothing(kafka: KafkaOptions) -> None:
    kind = order_type()
    async with opened(kafka, kind) as client:
        answer = await client.post("/v1/validate/order_placed", [order(), order(total_cents=-1)])
    assert answer.status == 207
    assert await all_records(kafka, kind.topic) == []


async def test_a_key_meets_itself_whoever_produces_it(kafka: KafkaOptions) -> None:
    kind = order_type()
    keys = [uuid4().hex[: n % 17 + 1] for n in range(60)]
    async with opened(kafka, kind) as client:
        answer = await client.post(PATH, [order(key) for key in keys])
    plain = AIOKafkaProducer(**kafka.client())
    async with plain:
        for key, result in zip(keys, answer.results, strict=True):
            stored = await plain.send_and_wait(kind.topic, b"{}", key=key.encode())
            assert stored.partition == result["partition"], key


async def test_concurrent_events_of_one_key_stand_in_the_order_of_their_answers(
    kafka: KafkaOptions,
) -> None:
    kind = order_type()
    events = [order("A-17", total_cents=number) for number in range(1_000)]
    async with opened(kafka, kind) as client:
        answers = await asyncio.gather(*(client.post(PATH, event) for event in events))
    assert {answer.status for answer in answers} == {202}
    said = {answer.results[0]["offset"]: e["event_id"] for answer, e in zip(answers, events)}  # noqa: B905
    assert sorted(said) == list(range(1_000))
    stored = [orjson.loads(r.value)["event_id"] for r in await all_records(kafka, kind.topic)]
    assert stored == [said[offset] for offset in range(1_000)]


async def test_one_sender_keeps_its_order_per_key_across_batches(kafka: KafkaOptions) -> None:
    kind = order_type()
    async with opened(kafka, kind, linger_ms=0) as client:
        for batch in range(20):
            events = [order(str(n % 7), total_cents=batch * 50 + n) for n in range(50)]
            assert (await client.post(PATH, events)).status == 202
    by_key = defaultdict(list)
    for record in await all_records(kafka, kind.topic):
        by_key[record.key].append(orjson.loads(record.value)["total_cents"])
    assert sum(map(len, by_key.values())) == 1_000
    assert all(values == sorted(values) for values in by_key.values())


async def test_a_request_larger_than_a_kafka_batch_is_split_and_kept_in_order(
    kafka: KafkaOptions,
) -> None:
    kind = order_type()
    filler = "".join(uuid4().hex for _ in range(1_000))
    events = [order("A", total_cents=n, event_id=str(uuid4())) for n in range(60)]
    bodies = [e | {"order_id": f"{n % 3}" + filler} for n, e in enumerate(events)]
    async with opened(kafka, kind) as client:
        answer = await client.post(PATH, bodies)
    assert answer.status == 202
    for event, result in zip(bodies, answer.results, strict=True):
        assert orjson.loads((await record_at(kafka, result)).value) == event


async def test_a_topic_that_takes_only_small_messages_gets_small_batches(
    kafka: KafkaOptions,
) -> None:
    kind = order_type()
    config = {"order_placed": {"max.message.bytes": "20000"}}
    # Random digits compress to half: five such events are too many for one batch there.
    fits = [order("".join(uuid4().hex for _ in range(250))) for _ in range(40)]
    huge = order("".join(uuid4().hex for _ in range(3_000)))
    async with opened(kafka, kind, topic_config=config) as client:
        answer = await client.post(PATH, [*fits, huge])
    *good, bad = answer.results
    assert {result["status"] for result in good} == {"accepted"}
    assert (bad["status"], bad["reason"], bad["kept"]) == ("rejected", "too_large", False)
    for event, result in zip(fits, good, strict=True):
        assert orjson.loads((await record_at(kafka, result)).value) == event


async def test_no_body_whatever_makes_the_gateway_stumble(kafka: KafkaOptions) -> None:
    def near_misses(event: dict[str, object]) -> st.SearchStrategy[bytes]:
        text = orjson.dumps(event)
        cut = st.builds(lambda a, b, x: text[:a] + x + text[b:], _at(text), _at(text), st.binary())
        return cut | st.builds(lambda e: b"[" + e + b"]", cut)

    values = st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=12,
    )
    fields = st.fixed_dictionaries(dict.fromkeys(order(), values))
    json = st.builds(lambda v: orjson.dumps(v), values | fields | st.lists(fields, max_size=3))
    seen: list[int] = []
    loop = asyncio.get_running_loop()
    async with opened(kafka, order_type()) as client:

        @settings(
            max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), database=None
        )
        @given(
            body=st.binary() | near_misses(order()) | json,
            path=st.sampled_from(["/v1/events", PATH, "/v1/validate", "/v1/validate/order_placed"]),
            headers=st.fixed_dictionaries(
                {},
                optional={
                    "Content-Type": st.sampled_from(["application/x-ndjson", "x", 'a/b;charset="']),
                    "Content-Encoding": st.sampled_from(["gzip", "zstd", "identity"]),
                },
            ),
        )
        def never_a_500(body: bytes, path: str, headers: dict[str, str]) -> None:
            named = {name.replace("-", "_"): value for name, value in headers.items()}
            answer = asyncio.run_coroutine_threadsafe(
                client.post(path, body, **named), loop
            ).result(30)
            seen.append(answer.status)
            assert answer.status in (200, 202, 207, 400, 413, 415, 422)
            assert answer.json.keys() & {"results", "error"}

        await asyncio.to_thread(never_a_500)
    assert {400, 415, 422} <= set(seen)


def _at(text: bytes) -> st.SearchStrategy[int]:
    return st.integers(0, len(text))


def _without_tests(event: Row) -> Row:
    if event["order_id"].startswith("test-"):
        raise FilteredError("tests are not counted")
    return event


async def test_an_event_that_will_be_filtered_is_accepted_and_stored_and_the_answer_says_why(
    kafka: KafkaOptions,
) -> None:
    kind = replace(order_type(), transform=_without_tests)
    events = [order("A"), order("test-B")]
    label = GATEWAY_EVENTS.labels("order_placed", "filtered")
    before = label._value.get()
    async with opened(kafka, kind) as client:
        dry = await client.post("/v1/validate/order_placed", orjson.dumps(events))
        answer = await client.post(PATH, orjson.dumps(events))
    assert (dry.status, dry.results) == (
        200,
        [{"status": "accepted"}, {"status": "accepted", "filtered": "tests are not counted"}],
    )
    assert (answer.status, answer.statuses) == (202, ["accepted", "accepted"])
    assert "filtered" not in answer.results[0]
    assert answer.results[1]["filtered"] == "tests are not counted"
    # The worker counts it, as it does those that never passed the gateway.
    assert orjson.loads((await record_at(kafka, answer.results[1])).value) == events[1]
    assert label._value.get() == before + 1
