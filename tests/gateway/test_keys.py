"""Who may send what. Nothing here needs Kafka."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from loguru import logger

from app.core.errors import Fatal
from app.gateway.guard import is_loopback
from app.gateway.keys import BadKeys, hashed, new_key, read_keys
from app.kafka import KafkaOptions
from tests.gateway.orders import Client, ndjson, opened, order, order_type, until
from tests.gateway.test_overload import connections, request

APPS = {"order_placed": "shop", "order_shipped": "shop", "page_opened": "help"}
SHOP, OLD_SHOP, HELP = new_key(), new_key(), new_key()
SOURCES = {
    "shop": {"keys": [hashed(SHOP), hashed(OLD_SHOP)]},
    "help": {"keys": [hashed(HELP)], "types": ["page_*", "order_s*"]},
}
PATH = "/v1/validate/order_placed"


def write(path: Path, sources: Any = SOURCES) -> Path:
    """Put a file in place at once, as a mounted secret changes."""
    fresh = path.with_suffix(".new")
    fresh.write_text(yaml.safe_dump({"sources": sources}))
    os.replace(fresh, path)
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "keys.yaml")


@asynccontextmanager
async def guarded(kafka: KafkaOptions, file: Path, **options: Any) -> AsyncIterator[Client]:
    kinds = [order_type(name) for name in APPS]
    async with opened(
        kafka, *kinds, ready=False, apps=APPS, keys_file=str(file), **options
    ) as client:
        yield client


@pytest.fixture
async def client(nowhere: KafkaOptions, file: Path) -> AsyncIterator[Client]:
    async with guarded(nowhere, file) as client:
        yield client


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize(
    "headers",
    [bearer(SHOP), bearer(OLD_SHOP), {"authorization": f"bearer  {SHOP}"}, {"X_Api_Key": SHOP}],
)
async def test_who_brings_a_key_may_send(client: Client, headers: dict[str, str]) -> None:
    assert (await client.post(PATH, order(), **headers)).statuses == ["accepted"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        bearer(new_key()),
        bearer(SHOP + "x"),
        bearer(SHOP.lower()),
        bearer(hashed(SHOP)),
        bearer(""),
        {"Authorization": SHOP},
        {"Authorization": f"Basic {SHOP}"},
        {"X_Api_Key": SHOP[:-1]},
        {"X_Api_Key": "ключ"},
    ],
)
@pytest.mark.parametrize("path", [PATH, "/v1/events", "/v1/events/nothing", "/v1/whatever"])
async def test_who_brings_none_gets_401_on_each_path_and_is_told_how(
    client: Client, path: str, headers: dict[str, str]
) -> None:
    answer = await client.post(path, order(), **headers)
    assert (answer.status, answer.json["error"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "X-Request-Id" in answer.headers


async def test_a_request_that_comes_in_pieces_needs_a_key_as_well(client: Client) -> None:
    async with connections(client, 2) as raws:
        for raw, key, status in zip(raws, (SHOP, new_key()), (200, 401), strict=True):
            text = request("A", PATH, Authorization=f"Bearer {key}")
            for start in range(0, len(text), 40):
                raw.writer.write(text[start : start + 40])
                await asyncio.sleep(0.01)
            assert (await raw.answer())[0] == status


async def test_a_refusal_for_want_of_a_key_keeps_the_connection(client: Client) -> None:
    async with connections(client, 1) as (raw,):
        for key, status in ((new_key(), 401), (SHOP, 200), ("", 401), (HELP, 403), (SHOP, 200)):
            raw.writer.write(request("A", PATH, Authorization=f"Bearer {key}"))
            assert (await raw.answer())[0] == status


async def test_health_metrics_and_documentation_need_no_key(client: Client) -> None:
    for path in ("/livez", "/metrics", "/openapi.json", "/docs"):
        assert (await client.get(path)).status == 200
    assert (await client.get("/readyz")).status == 503
    assert (await client.get("/v1/events")).status == 401


async def test_a_receipt_is_given_to_who_may_send_events_of_that_type(
    nowhere: KafkaOptions, file: Path
) -> None:
    asked: list[str] = []

    async def ask(event: str, words: Sequence[str]) -> tuple[bool, Mapping[str, Any]]:
        asked.append(event)
        return True, {"outcome": "row", "said": "1 row stands"}

    async with guarded(nowhere, file, receipts=ask) as client:
        path = client.running.url + "/v1/events/order_placed/A-17"
        for headers, status in (
            ({}, 401),
            (bearer(new_key()), 401),
            (bearer(HELP), 403),
            ({"X-Api-Key": HELP}, 403),
        ):
            async with client.http.get(path, headers=headers) as answer:
                assert answer.status == status
                assert b"row" not in await answer.read()
        assert asked == []
        async with client.http.get(path, headers=bearer(OLD_SHOP)) as answer:
            assert (answer.status, (await answer.json())["outcome"]) == (200, "row")
    assert asked == ["order_placed"]


async def test_a_source_may_send_the_types_of_its_app_or_those_that_the_file_names(
    client: Client,
) -> None:
    async def status(type: str, key: str) -> int:
        return (await client.post(f"/v1/validate/{type}", order(), **bearer(key))).status

    assert [await status(type, SHOP) for type in APPS] == [200, 200, 403]
    assert [await status(type, HELP) for type in APPS] == [403, 200, 200]
    answer = await client.post("/v1/events/page_opened", order(), **bearer(SHOP))
    assert (answer.status, answer.json["error"]) == (403, "type_not_allowed")
    assert "shop" in answer.json["message"]
    assert await status("no_such_type", SHOP) == 422


async def test_in_a_batch_only_the_events_of_other_sources_are_rejected(client: Client) -> None:
    types = ["order_placed", "page_opened", "order_shipped", "no_such_type"]
    events = [{"type": type, "data": order()} for type in types]
    answer = await client.post("/v1/validate", {"events": events}, **bearer(SHOP))
    assert answer.status == 207
    assert [(r["status"], r.get("reason")) for r in answer.results] == [
        ("accepted", None),
        ("rejected", "not_allowed"),
        ("accepted", None),
        ("rejected", "unknown_event"),
    ]
    assert answer.results[1]["field"] == "type"
    lines = ndjson(*events)
    again = await client.post(
        "/v1/validate", lines, Content_Type="application/x-ndjson", **bearer(SHOP)
    )
    assert again.results == answer.results


async def test_nothing_of_an_event_that_is_not_theirs_reaches_kafka(
    kafka: KafkaOptions, file: Path
) -> None:
    async with guarded(kafka, file) as client:
        await client.until_ready()
        types = ["order_placed", "page_opened"]
        events = [{"type": type, "data": order()} for type in types]
        answer = await client.post("/v1/events", {"events": events}, **bearer(SHOP))
        assert answer.statuses == ["accepted", "rejected"]
        assert answer.results[1]["kept"] is False
        assert "topic" not in answer.results[1]
        metrics = (await client.get("/metrics")).body
        assert b'events_total{event="page_opened",verdict="not_allowed"} 1.0' in metrics


async def test_a_key_is_changed_without_a_restart_and_a_broken_file_changes_nothing(
    client: Client, file: Path
) -> None:
    newest, heard = new_key(), []
    listening = logger.add(heard.append, level="ERROR", format="{message}")

    def answered(key: str, status: int) -> Callable[[], Any]:
        async def is_so() -> bool:
            return (await client.post(PATH, order(), **bearer(key))).status == status

        return is_so

    try:
        write(file, {"shop": {"keys": [hashed(SHOP), hashed(newest)]}})
        await until(answered(newest, 200))
        assert await answered(SHOP, 200)()
        assert await answered(OLD_SHOP, 401)()
        write(file, {"shop": {"keys": [newest]}})
        await until(lambda: bool(heard))
        assert await answered(SHOP, 200)()
        assert "sources.shop.keys.0" in heard[0]
        assert newest not in heard[0]
        assert "keys" in (await client.get("/readyz")).json["troubles"]
        os.unlink(file)
        await until(lambda: len(heard) == 2)
        assert await answered(SHOP, 200)()
        write(file, {"shop": {"keys": [hashed(newest)]}})
        await until(answered(SHOP, 401))
        assert await answered(newest, 200)()
        assert (await client.get("/readyz")).json["troubles"] == {}
    finally:
        logger.remove(listening)


async def test_who_brings_no_key_takes_no_turn_and_no_place_of_those_who_do(
    nowhere: KafkaOptions, file: Path
) -> None:
    async with (
        guarded(nowhere, file, max_wait_ms=0, max_connections=3) as client,
        connections(client, 6) as raws,
    ):
        for raw in raws:
            raw.writer.write(request("A", PATH))
        for raw in raws[:3]:
            assert (await raw.answer())[0] == 401
        for raw in raws[3:]:
            status, _, body = await raw.answer()
            assert (status, body["error"]) == (503, "too_many_connections")
        async with connections(client, 4) as known:
            for raw in known[:3]:
                raw.writer.write(request("A", PATH, Authorization=f"Bearer {SHOP}"))
                assert (await raw.answer())[0] == 200
            known[3].writer.write(request("A", PATH, Authorization=f"Bearer {SHOP}"))
            assert (await known[3].answer())[0] == 503
        metrics = (await client.get("/metrics")).body.decode()
        assert 'forebay_gateway_refused_total{reason="unauthorized"}' in metrics


def good(**changes: Any) -> dict[str, Any]:
    return {"keys": [hashed(SHOP)]} | changes


@pytest.mark.parametrize(
    ("sources", "where"),
    [
        ({}, "sources"),
        ({"shop": {"keys": []}}, "sources.shop.keys"),
        ({"shop": {"keys": [hashed(new_key()) for _ in range(3)]}}, "sources.shop.keys"),
        ({"shop": {"keys": [SHOP]}}, "sources.shop.keys.0"),
        ({"shop": {"keys": [hashed(SHOP).upper()]}}, "sources.shop.keys.0"),
        ({"shop": good(), "help": good()}, "twice"),
        ({"shop": good(keys=[hashed(SHOP)] * 2)}, "twice"),
        ({"shop": good(typs=["a"])}, "sources.shop.typs"),
        ({"shop": good(events_per_second=0)}, "sources.shop.events_per_second"),
        ({"SHOP!": good()}, "sources.SHOP!"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_without_a_word_of_it(
    tmp_path: Path, sources: Any, where: str
) -> None:
    with pytest.raises(BadKeys) as caught:
        read_keys(write(tmp_path / "keys.yaml", sources), APPS)
    assert where in str(caught.value)
    assert SHOP not in str(caught.value)


@pytest.mark.parametrize("text", ["sources: {shop: [", f"sources:\n  shop: {SHOP}: {SHOP}", "\xff"])
def test_a_file_that_can_not_be_read_is_not_quoted(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.yaml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(BadKeys) as caught:
        read_keys(path, APPS)
    assert SHOP not in str(caught.value)


def test_a_file_may_be_json(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(orjson.dumps({"sources": SOURCES}))
    found = read_keys(path, APPS).source_of(OLD_SHOP.encode())
    assert found is not None
    assert found.name == "shop"


def test_each_key_is_new_long_and_can_be_told_from_other_text() -> None:
    made = {new_key() for _ in range(1_000)}
    assert len(made) == 1_000
    assert all(key.startswith("forebay_") and len(key) >= len("forebay_") + 43 for key in made)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "gateway"])
async def test_without_keys_a_gateway_listens_to_its_own_machine_only(
    nowhere: KafkaOptions, host: str
) -> None:
    assert not is_loopback(host)
    with pytest.raises(Fatal, match="forebay keys new"):
        async with opened(nowhere, order_type(), ready=False, host=host):
            pass


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.9.9.9"])
def test_the_addresses_of_ones_own_machine_are_known(host: str) -> None:
    assert is_loopback(host)


async def test_to_be_open_to_all_has_to_be_said(nowhere: KafkaOptions, file: Path) -> None:
    async with opened(nowhere, order_type(), ready=False, host="0.0.0.0", open=True) as client:
        assert (await client.post(PATH, order())).status == 200
    async with guarded(nowhere, file, host="0.0.0.0", open=True) as client:
        assert (await client.post(PATH, order())).status == 401


async def test_without_the_file_that_is_asked_for_nobody_is_let_in(
    nowhere: KafkaOptions, tmp_path: Path
) -> None:
    with pytest.raises(Fatal, match="GATEWAY__KEYS_FILE"):
        async with guarded(nowhere, tmp_path / "none.yaml"):
            pass
