"""Pages of other origins: what their browsers ask, and are told. Nothing here needs Kafka."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.gateway.keys import hashed, new_key
from app.kafka import KafkaOptions
from tests.gateway.orders import Answer, Client, opened, order, order_type
from tests.gateway.test_keys import bearer, write

PATH = "/v1/validate/order_placed"
SHOP = "https://shop.example"
KEY = new_key()


@pytest.fixture
async def client(nowhere: KafkaOptions, tmp_path: Path) -> AsyncIterator[Client]:
    file = write(tmp_path / "keys.yaml", {"shop": {"keys": [hashed(KEY)]}})
    async with opened(
        nowhere,
        order_type(),
        ready=False,
        apps={"order_placed": "shop"},
        keys_file=str(file),
        cors_origins=f"{SHOP}, https://help.example",
    ) as client:
        yield client


async def asked_first(client: Client, origin: str, method: str = "POST") -> Answer:
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    url = client.running.url + PATH
    async with client.http.options(url, headers=headers) as response:
        return Answer(response.status, response.headers, await response.read())


async def test_a_browser_that_asks_first_needs_no_key_and_is_told_what_it_may_send(
    client: Client,
) -> None:
    answer = await asked_first(client, SHOP)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, SHOP)
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", SHOP + ".evil.example", "null", "http://shop.example", "*"]
)
async def test_pages_of_other_origins_are_told_nothing(client: Client, origin: str) -> None:
    answer = await asked_first(client, origin)
    assert answer.status == 401
    assert "Access-Control-Allow-Origin" not in answer.headers
    sent = await client.post(PATH, order(), Origin=origin, **bearer(KEY))
    assert "Access-Control-Allow-Origin" not in sent.headers


async def test_a_page_can_read_each_answer_also_one_that_comes_before_http(client: Client) -> None:
    for headers, status in ((bearer(KEY), 200), ({}, 401), (bearer("x"), 401)):
        answer = await client.post(PATH, order(), Origin=SHOP, **headers)
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (status, SHOP)
        assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]


async def test_all_origins_may_be_allowed(nowhere: KafkaOptions) -> None:
    async with opened(nowhere, order_type(), ready=False, cors_origins="*") as client:
        answer = await asked_first(client, "https://any.example")
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, "*")


async def test_without_the_setting_nothing_is_said(alone: Client) -> None:
    answer = await alone.post(PATH, order(), Origin=SHOP)
    assert answer.status == 200
    assert not [name for name in answer.headers if name.startswith("Access-Control")]
    assert (await asked_first(alone, SHOP)).status == 405
