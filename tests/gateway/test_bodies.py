"""What may stand in a request, and what is said to the rest. Nothing here needs Kafka."""

import gzip
import re
import tracemalloc
from typing import Any

import orjson
import pytest
from backports import zstd

from app.gateway.body import decompressed
from app.gateway.refusal import Refusal
from app.kafka import KafkaOptions
from tests.gateway.orders import Answer, Client, ndjson, opened, order, order_type

NDJSON = "application/x-ndjson"
PATH = "/v1/validate/order_placed"


def says(answer: Answer, status: int, error: str, message: str = "") -> None:
    assert (answer.status, answer.json["error"]) == (status, error)
    assert re.search(message, answer.json["message"])


async def test_one_object_is_one_event(alone: Client) -> None:
    answer = await alone.post(PATH, order())
    assert (answer.status, answer.results) == (200, [{"status": "accepted"}])


async def test_an_array_has_an_answer_for_each_event_by_index(alone: Client) -> None:
    answer = await alone.post(PATH, [order(), order(total_cents=-1), order(days_ago=9), 7])
    assert answer.status == 207
    assert [(r["status"], r.get("reason"), r.get("field")) for r in answer.results] == [
        ("accepted", None, None),
        ("rejected", "schema", "total_cents"),
        ("rejected", "too_late", None),
        ("rejected", "not_json", None),
    ]
    assert [r.get("kept") for r in answer.results] == [None, False, False, False]


async def test_lines_are_events_and_blank_lines_are_not(alone: Client) -> None:
    body = b"\r\n" + ndjson(order(), order()).replace(b"\n", b"\r\n\r\n") + b"\n\n{broken\n"
    answer = await alone.post(PATH, body, Content_Type=NDJSON)
    assert answer.statuses == ["accepted", "accepted", "rejected"]
    assert answer.results[2]["reason"] == "not_json"


async def test_an_envelope_names_the_type_of_each_event(alone: Client) -> None:
    events = [
        {"type": "order_placed", "data": order()},
        {"type": "order_lost", "data": order()},
        {"type": "order_placed", "data": {}},
        {"type": "order_placed"},
        {"data": order()},
        "nonsense",
    ]
    answer = await alone.post("/v1/validate", {"events": events})
    assert [r.get("reason") for r in answer.results] == [
        None,
        "unknown_event",
        "schema",
        "unknown_event",
        "unknown_event",
        "unknown_event",
    ]


async def test_an_envelope_may_come_as_lines_too(alone: Client) -> None:
    body = ndjson({"type": "order_placed", "data": order()}, {"type": "x", "data": {}})
    answer = await alone.post("/v1/validate", body, Content_Type=NDJSON)
    assert answer.statuses == ["accepted", "rejected"]


async def test_an_unknown_type_in_the_path_is_answered_per_event(alone: Client) -> None:
    answer = await alone.post("/v1/validate/order_lost", [order(), order()])
    assert answer.status == 422
    assert [r["reason"] for r in answer.results] == ["unknown_event"] * 2


async def test_a_missing_content_type_means_json(alone: Client) -> None:
    async with alone.http.post(
        alone.running.url + PATH,
        data=orjson.dumps(order()),
        skip_auto_headers=["Content-Type"],
    ) as response:
        assert response.status == 200


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b" \n\t"])
async def test_what_editors_put_before_json_does_no_harm(alone: Client, mark: bytes) -> None:
    assert (await alone.post(PATH, mark + orjson.dumps(order()))).status == 200


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "application/json; charset=utf-16"]
)
async def test_another_content_type_is_415_and_says_which_will_do(
    alone: Client, content_type: str
) -> None:
    answer = await alone.post(PATH, order(), Content_Type=content_type)
    says(answer, 415, "unsupported_content_type", "application/x-ndjson")


@pytest.mark.parametrize("body", [b"", b" \n", b"\xef\xbb\xbf"])
async def test_an_empty_body_is_400(alone: Client, body: bytes) -> None:
    says(await alone.post(PATH, body), 400, "empty_body")


async def test_an_empty_batch_is_400(alone: Client) -> None:
    says(await alone.post(PATH, []), 400, "no_events")
    says(await alone.post("/v1/validate", {"events": []}), 400, "no_events")


@pytest.mark.parametrize(
    "body",
    [b"hello", b"[{}", b'{"a":1}x', b"[1,]", b"\xff\xfe", b"[" * 5_000, b'{"a":' * 3_000],
)
async def test_a_body_that_is_no_json_is_400(alone: Client, body: bytes) -> None:
    says(await alone.post(PATH, body), 400, "not_json")
    assert (await alone.post("/v1/validate", body)).status == 400
    says(await alone.post(PATH, body, Content_Type=NDJSON), 400, "not_json")


async def test_ndjson_that_is_called_json_gets_a_hint(alone: Client) -> None:
    says(await alone.post(PATH, ndjson(order(), order())), 400, "not_json", "application/x-ndjson")


@pytest.mark.parametrize("body", [{}, {"events": 1}, [order()], 3])
async def test_no_envelope_where_one_is_due_is_400(alone: Client, body: Any) -> None:
    says(await alone.post("/v1/validate", body), 400, "not_an_envelope", "events")


async def test_a_body_over_the_limit_is_413_whether_announced_or_not(alone: Client) -> None:
    body = b" " * 20_001

    async def in_pieces() -> Any:
        for start in range(0, len(body), 5_000):
            yield body[start : start + 5_000]

    says(await alone.post(PATH, body), 413, "body_too_large", "20000")
    async with alone.http.post(
        alone.running.url + PATH, data=in_pieces(), headers={"Content-Type": NDJSON}
    ) as response:
        assert response.status == 413


async def test_a_batch_over_the_limit_is_413(alone: Client) -> None:
    events = [{}] * 11
    says(await alone.post(PATH, events), 413, "too_many_events", "10")
    says(await alone.post(PATH, ndjson(*events), Content_Type=NDJSON), 413, "too_many_events")
    says(await alone.post("/v1/validate", {"events": events}), 413, "too_many_events")
    says(
        await alone.post(PATH, b"{}" + b"\n" * 30 + b"{}", Content_Type=NDJSON),
        413,
        "too_many_events",
    )


async def test_a_million_tiny_values_are_refused_before_they_fill_the_memory(
    nowhere: KafkaOptions,
) -> None:
    async with opened(nowhere, order_type(), ready=False) as client:
        body = b"[" + b"1," * 1_100_000 + b"1]"
        says(await client.post(PATH, body), 413, "too_many_values")
        says(await client.post("/v1/validate", b'{"events":' + body + b"}"), 413, "too_many_values")


PACK = {"gzip": gzip.compress, "zstd": zstd.compress}


@pytest.mark.parametrize("encoding", PACK)
async def test_a_compressed_body_is_read(alone: Client, encoding: str) -> None:
    body = PACK[encoding](orjson.dumps([order(), order()]))
    answer = await alone.post(PATH, body, Content_Encoding=encoding)
    assert answer.statuses == ["accepted", "accepted"]


@pytest.mark.parametrize("encoding", PACK)
async def test_compressed_pieces_may_be_joined(alone: Client, encoding: str) -> None:
    pack = PACK[encoding]
    body = pack(ndjson(order()) + b"\n") + pack(ndjson(order()))
    answer = await alone.post(PATH, body, Content_Encoding=encoding, Content_Type=NDJSON)
    assert answer.statuses == ["accepted", "accepted"]


@pytest.mark.parametrize("encoding", PACK)
async def test_a_bomb_is_413(alone: Client, encoding: str) -> None:
    bomb = PACK[encoding](b" " * 5_000_000)
    assert len(bomb) < 20_000
    says(await alone.post(PATH, bomb, Content_Encoding=encoding), 413, "body_too_large")


@pytest.mark.parametrize("encoding", PACK)
def test_a_bomb_is_not_unfolded_to_see_how_large_it_is(encoding: str) -> None:
    bomb = PACK[encoding](bytes(50_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(Refusal):
            decompressed(bomb, encoding, 100_000)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("encoding", PACK)
@pytest.mark.parametrize("damage", [lambda b: b[:-3], lambda b: b"x" + b, lambda b: b + b"x"])
async def test_damaged_compression_is_400(alone: Client, encoding: str, damage: Any) -> None:
    body = damage(PACK[encoding](orjson.dumps([order()])))
    says(await alone.post(PATH, body, Content_Encoding=encoding), 400, "bad_compression", encoding)


async def test_a_frame_that_asks_for_a_huge_window_is_refused(alone: Client) -> None:
    options = {zstd.CompressionParameter.window_log: 27}
    compressor = zstd.ZstdCompressor(options=options)
    body = compressor.compress(orjson.dumps([order()])) + compressor.flush()
    says(await alone.post(PATH, body, Content_Encoding="zstd"), 400, "bad_compression")


async def test_another_encoding_is_415_and_says_which_will_do(alone: Client) -> None:
    answer = await alone.post(PATH, b"x", Content_Encoding="br")
    says(answer, 415, "unsupported_encoding", "gzip or zstd")
    assert answer.headers["Accept-Encoding"] == "gzip, zstd"
