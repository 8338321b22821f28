"""`GET /v1/events/{type}/{key}`, with somebody to ask who says what the test wants."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import pytest
from yarl import URL

from app.core.errors import Fatal, Transient
from app.gateway.receipts import AT_ONCE, MOST_WAITING, Ask, BadKey
from app.kafka import KafkaOptions
from tests.gateway.orders import Client, opened, order, order_type, until

PATH = "/v1/events/order_placed/"
ROW: Mapping[str, Any] = {"outcome": "row", "said": "1 row stands"}


class Desk:
    """Answers what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[str, ...]]] = []
        self.answer: tuple[bool, Mapping[str, Any]] | Exception = (True, ROW)
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, event: str, words: Sequence[str]) -> tuple[bool, Mapping[str, Any]]:
        self.asked.append((event, tuple(words)))
        await self.open.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@asynccontextmanager
async def asking(kafka: KafkaOptions, desk: Ask | None, **options: Any) -> AsyncIterator[Client]:
    async with opened(kafka, order_type(), ready=False, receipts=desk, **options) as client:
        yield client


async def raw_get(client: Client, path: str) -> tuple[int, Any]:
    """As it is written: no client encodes anything."""
    url = URL(client.running.url + path, encoded=True)
    async with client.http.get(url) as response:
        return response.status, await response.json()


async def test_a_receipt_is_given_as_it_is(nowhere: KafkaOptions) -> None:
    desk = Desk()
    async with asking(nowhere, desk) as client:
        found = await client.get(PATH + "6f1c")
        assert (found.status, found.json) == (200, ROW)
        assert found.headers["Cache-Control"] == "no-store"
        assert found.headers["X-Request-Id"]
        desk.answer = (False, {"outcome": "unknown", "unsearched": ["Kafka"]})
        found = await client.get(PATH + "6f1c")
        assert (found.status, found.json["unsearched"]) == (404, ["Kafka"])
    assert desk.asked == [("order_placed", ("6f1c",))] * 2


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("6f1c", ["6f1c"]),
        ("shop=north&number=7", ["shop=north", "number=7"]),
        ("shop=a%26b%2Fc%3D%3F&number=7?x=1", ["shop=a&b/c=?", "number=7"]),
        ("shop=a+b%20c%25", ["shop=a+b c%"]),
        (quote("Zürich"), ["Zürich"]),
        ("at=2026-03-01T12:00:00Z", ["at=2026-03-01T12:00:00Z"]),
    ],
)
async def test_each_part_of_a_key_is_encoded_on_its_own(
    nowhere: KafkaOptions, path: str, words: list[str]
) -> None:
    desk = Desk()
    async with asking(nowhere, desk) as client:
        assert (await raw_get(client, PATH + path))[0] == 200
    assert desk.asked == [("order_placed", tuple(words))]


async def test_without_anybody_to_ask_it_says_what_to_set(nowhere: KafkaOptions) -> None:
    async with asking(nowhere, None) as client:
        said = await client.get(PATH + "6f1c")
        assert (said.status, said.json["error"]) == (503, "receipts_off")
        assert "GATEWAY__RECEIPTS" in said.json["message"]
        unknown = await client.get("/v1/events/order_placd/6f1c")
        assert (unknown.status, unknown.json["error"]) == (404, "unknown_event")


@pytest.mark.parametrize(
    ("error", "status", "word"),
    [
        (Transient("mongodb://user:secret@host is away"), 503, "receipts_unavailable"),
        (Fatal("mongodb://user:secret@host refuses"), 503, "receipts_refused"),
        (BadKey("«x» is no uuid", ["a", "b"]), 400, "bad_key"),
        (RuntimeError("secret"), 500, "bug"),
    ],
)
async def test_what_goes_wrong_is_told_without_what_is_behind_the_gateway(
    nowhere: KafkaOptions, error: Exception, status: int, word: str
) -> None:
    desk = Desk()
    desk.answer = error
    async with asking(nowhere, desk) as client:
        said = await client.get(PATH + "x")
    assert (said.status, said.json["error"]) == (status, word)
    assert b"secret" not in said.body
    if status == 400:
        assert said.json["message"].endswith("/v1/events/order_placed/a=…&b=…")


async def test_a_search_without_end_is_given_up(nowhere: KafkaOptions) -> None:
    desk = Desk()
    desk.open.clear()
    async with asking(nowhere, desk, receipt_timeout_seconds=0.2) as client:
        said = await client.get(PATH + "x")
        assert (said.status, said.json["error"]) == (504, "receipt_timeout")
        assert "forebay trace" in said.json["message"]
        desk.open.set()
        assert (await client.get(PATH + "x")).status == 200  # its slot is free again


async def test_a_crowd_is_sent_away_and_a_few_are_looked_up_at_a_time(
    nowhere: KafkaOptions,
) -> None:
    desk = Desk()
    desk.open.clear()
    most = AT_ONCE + MOST_WAITING
    async with asking(nowhere, desk) as client:
        inside = [asyncio.create_task(client.get(PATH + str(n))) for n in range(most)]
        await until(lambda: len(desk.asked) == AT_ONCE)
        refused = await client.get(PATH + "one-too-many")
        while refused.status != 429:  # the last ones had not arrived yet
            refused = await client.get(PATH + "one-too-many")
        assert refused.json["error"] == "too_many_receipts"
        assert refused.headers["Retry-After"]
        assert len(desk.asked) == AT_ONCE
        desk.open.set()
        statuses = {(await answer).status for answer in inside}
    assert 200 in statuses


async def test_events_are_taken_while_every_receipt_hangs(kafka: KafkaOptions) -> None:
    desk = Desk()
    desk.open.clear()
    async with opened(kafka, order_type(), receipts=desk) as client:
        hanging = [asyncio.create_task(client.get(PATH + str(n))) for n in range(AT_ONCE + 1)]
        await until(lambda: len(desk.asked) == AT_ONCE)
        taken = await client.post("/v1/events/order_placed", [order() for _ in range(50)])
        assert taken.statuses == ["accepted"] * 50
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
