"""A console on a filled ledger, and a browser before it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from pydantic import SecretStr

from app.console.data import Stores
from app.console.kinds import Kinds
from app.console.options import ConsoleOptions
from app.console.routes import Console, opened_console
from app.contracts.load import Contracts, load_contracts
from app.health import Readiness, health_server
from app.kafka import KafkaOptions
from app.ledger.options import LedgerOptions
from app.ledger.sqlite import SQLiteLedger
from sinks.duckdb.options import DuckDBOptions
from sinks.duckdb.warehouse import DuckDBWarehouse
from sinks.memory import MemoryObjectStore
from tests.console.chromium import ARGUMENTS, MISSING, chromium
from tests.console.filled import fill
from tests.console.orders import KEY, Orders, order

TOPICS = Path(__file__).parents[2] / "topics"
SCREENSHOTS = Path(__file__).parent / "screenshots"
PATIENCE_MS = 90_000  # a busy machine draws slowly
TOKEN = "a token of the tests"
ORDERS = "order_placed"
expect.set_options(timeout=PATIENCE_MS)
NOWHERE = "127.0.0.1:1"
ROW, BAD, WAITING = 1, 40, 60
"""The numbers of orders: one that stands, the first that is rejected, the first that waits."""


@dataclass
class Desk:
    """Where the console is, and what is in it. `places` are those of the orders, by number."""

    url: str
    console: Console
    ledger: SQLiteLedger
    orders: Orders
    places: dict[int, str] = field(default_factory=dict)


@asynccontextmanager
async def opened_desk(
    folder: Path, *, token: str = TOKEN, full: bool = True, brokers: str = NOWHERE
) -> AsyncIterator[Desk]:
    """Every third of the shipped types; `full`: two days of all of them. Orders stand, wait, and
    are dead."""
    shipped = load_contracts(TOPICS)
    names = {ORDERS, *list(shipped)[::3]}
    contracts = Contracts({e: c for e, c in shipped.items() if e in names}, shipped.config_sha)
    ledger = SQLiteLedger.at(LedgerOptions(url=f"sqlite:///{folder}/ledger.db"))
    objects = MemoryObjectStore()
    warehouse = DuckDBWarehouse(DuckDBOptions(path=folder / "warehouse.duckdb"), objects)
    kinds = Kinds(contracts)
    stores = Stores(
        ledger, objects, warehouse,
        KafkaOptions(brokers=brokers, request_timeout_seconds=1), "workers", KEY,
    )  # fmt: skip
    options = ConsoleOptions(token=SecretStr(token))
    orders = Orders(contracts[ORDERS], ledger, objects, warehouse)
    try:
        if full:
            await fill(ledger, {e: t for e, t in kinds.tables.items() if e != ORDERS})
        async with (
            opened_console(kinds, stores, options) as console,
            health_server(Readiness(), "console", "127.0.0.1", 0, console.routes) as port,
        ):
            desk = Desk(f"http://127.0.0.1:{port}/console", console, ledger, orders)
            await _fill_orders(desk)
            yield desk
    finally:
        await warehouse.close()
        await ledger.close()


async def _fill_orders(desk: Desk) -> None:
    """Good ones that are loaded; bad ones, most of which could be mended; good ones that wait."""
    good = [order(number) for number in range(ROW, BAD)]
    bad = [order(number, currency=" EUR ") for number in range(BAD, BAD + 12)]
    bad += [order(number, total_cents=-1) for number in range(BAD + 12, BAD + 17)]
    desk.places |= dict(enumerate(await desk.orders.seal([*good, *bad]), ROW))
    await desk.orders.load()
    waiting = [order(number) for number in range(WAITING, WAITING + 3)]
    desk.places |= dict(enumerate(await desk.orders.seal(waiting), WAITING))


@asynccontextmanager
async def opened_browser() -> AsyncIterator[Browser]:
    """A real one, without a window. Fails where there is none."""
    path = chromium()
    assert path is not None, MISSING
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Visit:
    """Somebody's browser. `faults` are what its console said, and what was asked of other hosts."""

    page: Page
    url: str
    faults: list[str]

    async def to(self, path: str = "") -> None:
        """Open a page of the console, and wait until it is whole."""
        answer = await self.page.goto(self.url + path)
        assert answer is not None
        assert answer.status == 200, (path, answer.status)

    async def kept(self, name: str) -> None:
        """Keep a picture of the whole page."""
        SCREENSHOTS.mkdir(exist_ok=True)
        await self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    async def column(self, number: int) -> list[str]:
        """The first words of a column of the page's list, from the left, from 0."""
        cells = self.page.locator(f"section.list tbody tr > :nth-child({number + 1})")
        return [(text.split() or [""])[0] for text in await cells.all_inner_texts()]


@asynccontextmanager
async def visiting(
    browser: Browser,
    url: str,
    *,
    width: int = 1280,
    colours: Literal["light", "dark"] = "light",
    script: bool = True,
    expected: tuple[str, ...] = (),
) -> AsyncIterator[Visit]:
    """A browser of its own. At the end its console must have been quiet, but for what contains
    one of `expected`."""
    context: BrowserContext = await browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme=colours,
        java_script_enabled=script,
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    visit = Visit(page, url, [])
    home = url.removesuffix("/console")
    page.on("console", lambda said: visit.faults.append(f"{said.type}: {said.text}"))
    page.on("pageerror", lambda error: visit.faults.append(str(error)))
    page.on("request", lambda request: visit.faults.append(f"asks {request.url}")
            if not request.url.startswith(home) else None)  # fmt: skip
    try:
        yield visit
    finally:
        await context.close()
    left = [one for one in visit.faults if not any(text in one for text in expected)]
    assert not left, left
