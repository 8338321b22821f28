"""The console as a scheduler serves it, on a real stack: what it shows is what was sent."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import aiohttp
import orjson
import psutil
import pytest
from playwright.async_api import expect

from app.send import send
from tests.console.desk import TOKEN, opened_browser, visiting
from tests.faults.steady import terminated
from tests.house.house import PROJECT, House, opened_house
from tests.house.servers import Servers

GOOD, BAD = 40, 6
MOST_BYTES = 200e6


@pytest.fixture
async def house(servers: Servers, unique: str, tmp_path: Path) -> AsyncIterator[House]:
    async with opened_house(unique, tmp_path, servers) as made:
        yield made


@pytest.mark.timeout(600)
async def test_the_schedulers_console_shows_what_was_sent_and_stays_small(house: House) -> None:
    (kind,) = house.sales
    gateway, worker = house.role("gateway"), house.role("worker")
    scheduler = house.role("scheduler", CONSOLE__TOKEN=TOKEN)
    await asyncio.gather(gateway.start(), worker.start(), scheduler.start())
    good = [kind.made(number) for number in range(GOOD)]
    bad = [kind.made(number) | {"number": str(number)} for number in range(GOOD, GOOD + BAD)]
    events = iter([orjson.dumps(event) for event in good + bad])
    await send(events, type=kind.event, gateway_url=gateway.url, batch=25)
    await house.settled()
    key = str(UUID(int=7))
    url = f"{scheduler.url}/console"
    async with opened_browser() as browser, visiting(browser, url) as visit:
        page = visit.page
        await visit.to("?days=7")
        await expect(page.locator(".tile dd").first).to_have_text(str(GOOD + BAD))
        await expect(page.locator(".verdict.good")).to_contain_text("It adds up")
        (told,) = await page.locator("section.list tbody tr").all_inner_texts()
        assert told.split()[:6] == [kind.event, "till", "46", "40", "0", "6"]

        # Kafka is asked in the background, and the page renews itself until it has answered.
        await visit.to("/freshness")
        await expect(page.locator(".badge").first).to_have_text("no objective", timeout=60_000)
        assert (await visit.column(5)) == ["0"]
        await visit.to("/loads")
        await expect(page.locator("table.lanes tbody tr")).to_have_count(1)

        await page.keyboard.press("/")
        await page.keyboard.type(f"{kind.event} {key}")
        await page.keyboard.press("Enter")
        await expect(page.locator("h2#receipt")).to_contain_text("It stands in its table")
        await visit.kept("stack-receipt")

        await visit.to("/token")
        await page.get_by_label("The console's token").fill(TOKEN)
        await page.get_by_role("button", name="Enter").click()
        await page.get_by_role("link", name=kind.event).click()
        await page.locator("#fix").fill("{do: cast, field: number, as: integer}")
        await page.get_by_role("button", name="Try it").click()
        await expect(page.locator("#tried")).to_contain_text(f"{BAD} of {BAD} would pass")
        for path in ("/catalogue", f"/catalogue/{kind.event}", f"/types/{kind.event}"):
            await visit.to(path)
    assert psutil.Process(scheduler.pid).memory_info().rss < MOST_BYTES
    log = await asyncio.to_thread(Path(scheduler.log_file).read_text)
    assert key not in log
    assert TOKEN not in log
    await check_command(house)
    await asyncio.gather(*map(terminated, (gateway, worker, scheduler)))


async def check_command(house: House) -> None:
    """`forebay console` serves the same to this machine, with a token of its own."""
    command = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.cli", "console", "--port", "0",
        env={**os.environ, **house.environment, "PYTHONPATH": str(PROJECT)},
        cwd=house.folder,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert command.stdout is not None
        url = (await command.stdout.readline()).decode().strip()
        word, _, token = (await command.stdout.readline()).decode().strip().partition(" ")
        assert (word, len(token)) == ("token:", 24)
        assert url.startswith("http://127.0.0.1:")
        async with aiohttp.ClientSession() as http, http.get(f"{url}?days=7") as answer:
            assert answer.status == 200
            assert "It adds up" in await answer.text()
    finally:
        command.kill()
        await command.wait()
