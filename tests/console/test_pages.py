"""The console in a real browser: wide and on a phone, light and dark, with and without a script."""

import re
from typing import Any, Literal
from uuid import UUID

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, expect

from tests.console.desk import BAD, ORDERS, ROW, TOKEN, WAITING, Desk, Visit, visiting
from tests.console.orders import SECRET

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

PAGES = {
    "balance": "",
    "freshness": "/freshness",
    "loads": "/loads",
    "dead-letters": "/dead-letters",
    "groups": f"/dead-letters/{ORDERS}",
    "type": f"/types/{ORDERS}",
    "find": "/find",
    "catalogue": "/catalogue",
    "entry": f"/catalogue/{ORDERS}",
    "token": "/token",
}
PHONE = 375
WIDER = "document.documentElement.scrollWidth - window.innerWidth"


async def check_accessible(visit: Visit) -> None:
    """Nothing that axe-core knows of is wrong: names, roles, contrast, headings, landmarks."""
    found = await Axe().run(visit.page)
    told = [
        (one["id"], one["help"], [node["target"] for node in one["nodes"]][:3])
        for one in found.response["violations"]
    ]
    assert told == []


@pytest.mark.parametrize(("width", "colours"), [(1280, "light"), (PHONE, "dark")])
@pytest.mark.parametrize("name", PAGES)
async def test_each_page_is_whole_accessible_and_no_wider_than_the_screen(
    desk: Desk, browser: Browser, name: str, width: int, colours: Literal["light", "dark"]
) -> None:
    async with visiting(browser, desk.url, width=width, colours=colours) as visit:
        await visit.to(PAGES[name])
        await visit.kept(f"{name}-{width}-{colours}")
        await expect(visit.page.locator("h1")).to_have_count(1)
        assert await visit.page.evaluate(WIDER) <= 0
        assert SECRET not in await visit.page.content()
        await check_accessible(visit)


async def test_dark_is_dark(desk: Desk, browser: Browser) -> None:
    shades: dict[str, int] = {}
    for colours in ("light", "dark"):
        async with visiting(browser, desk.url, colours=colours) as visit:
            await visit.to()
            ground = await visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
            shades[colours] = sum(map(int, re.findall(r"\d+", ground)[:3]))
    assert shades["dark"] < 150 < 600 < shades["light"]


def numbers(texts: list[str]) -> list[int]:
    return [int(text.replace(",", "")) for text in texts]


@pytest.mark.parametrize("script", [True, False])
async def test_a_table_is_sorted_and_filtered_by_its_address(
    desk: Desk, browser: Browser, script: bool
) -> None:
    async with visiting(browser, desk.url, script=script) as visit:
        page = visit.page
        await visit.to()
        received = numbers(await visit.column(1))
        assert received == sorted(received, reverse=True)
        assert len(received) > 25
        await page.get_by_role("link", name="Event type").click()
        await expect(page.locator("th[aria-sort]")).to_contain_text("Event type")
        await expect(page.locator("th[aria-sort]")).to_have_attribute("aria-sort", "ascending")
        names = await visit.column(0)
        assert names == sorted(names)
        await page.get_by_role("link", name="Event type").click()
        await expect(page.locator("th[aria-sort]")).to_have_attribute("aria-sort", "descending")
        assert await visit.column(0) == names[::-1]
        await page.locator("#filter").fill("order placed")
        if not script:
            await page.get_by_role("button", name="Filter").click()
        await expect(page.locator("section.list tbody tr")).to_have_count(1)
        assert await visit.column(0) == [ORDERS]
        await expect(page.locator(".count")).to_contain_text("1 of")
        assert {"sort=type", "q=order+placed"} <= set(page.url.partition("?")[2].split("&"))
        await page.reload()
        assert await visit.column(0) == [ORDERS]
        await expect(page.locator("#filter")).to_have_value("order placed")
        await visit.kept(f"filtered-{'script' if script else 'plain'}")


async def test_who_types_a_filter_goes_on_typing(desk: Desk, browser: Browser) -> None:
    async with visiting(browser, desk.url) as visit:
        await visit.to()
        await visit.page.locator("#filter").press_sequentially("order", delay=120)
        await visit.page.keyboard.type("_placed")
        await expect(visit.page.locator("section.list tbody tr")).to_have_count(1)
        await expect(visit.page.locator("#filter")).to_be_focused()
        await expect(visit.page.locator("#filter")).to_have_value("order_placed")
        await visit.page.go_back()


async def test_the_keyboard_leads_everywhere_and_shows_where_it_is(
    desk: Desk, browser: Browser
) -> None:
    async with visiting(browser, desk.url) as visit:
        page = visit.page
        await visit.to()
        await page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to the content")
        await expect(skip).to_be_focused()
        box = await skip.bounding_box()
        assert box is not None
        assert box["y"] >= 0
        names = []
        for _ in range(8):
            await page.keyboard.press("Tab")
            names.append(await page.evaluate("document.activeElement.textContent.trim()"))
            outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline == "solid", names
        assert names[:6] == ["Forebay", "Balance", "Freshness", "Loads", "Dead letters",
                             "Find an event"]  # fmt: skip
        await visit.to()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.id") == "before"
        await page.keyboard.press("/")
        await expect(page.locator("#find")).to_be_focused()
        await page.keyboard.type(f"{ORDERS} {UUID(int=ROW)}")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="row")).to_be_visible()


async def test_a_key_is_answered_by_a_receipt_and_stands_in_no_address(
    desk: Desk, browser: Browser
) -> None:
    async with visiting(browser, desk.url) as visit:
        page, key = visit.page, str(UUID(int=ROW))
        await visit.to("/find")
        await page.locator("#event").select_option(ORDERS)
        await page.locator("#key").fill(key)
        await page.get_by_role("button", name="Find", exact=True).click()
        await expect(page.locator("h2#receipt")).to_contain_text("It stands in its table")
        told = await page.locator(".receipt li").all_inner_texts()
        assert [text.split("\n")[0] for text in told] == [
            "received", "Kafka", "seal", "object", "load", "row",
        ]  # fmt: skip
        assert desk.places[ROW] in "".join(told)
        assert "1 row in RAW.ORDER_PLACED" in told[-1]
        assert key not in page.url
        await visit.kept("receipt-row")
        await check_accessible(visit)
        await page.get_by_role("link", name="An address of this receipt").click()
        await expect(page.locator("h2#receipt")).to_contain_text("It stands in its table")
        assert key not in await page.content()


async def test_a_dead_letter_and_one_that_waits_have_their_receipts(
    desk: Desk, browser: Browser
) -> None:
    async with visiting(browser, desk.url, width=PHONE) as visit:
        page = visit.page
        await visit.to(f"/find?at={desk.places[BAD]}")
        await expect(page.locator("h2#receipt")).to_contain_text("It is a dead letter")
        await expect(page.locator(".receipt")).to_contain_text("schema, field currency")
        await visit.kept("receipt-dead")
        assert await page.evaluate(WIDER) <= 0
        await page.locator("#find").fill(f"{ORDERS} {UUID(int=WAITING)}")
        await page.locator("#find").press("Enter")
        await expect(page.locator("h2#receipt")).to_contain_text("waits for a load")
        await expect(page.locator(".receipt .undone")).to_contain_text("load")
        assert SECRET not in await page.content()


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("order_placd x1", "did you mean order_placed?"),
        ("6f1c1c5e", "choose the type of the event"),
        (f"{ORDERS} nonsense", "is no uuid"),
    ],
)
async def test_what_can_not_be_found_is_told_in_words(
    desk: Desk, browser: Browser, typed: str, told: str
) -> None:
    async with visiting(browser, desk.url, expected=("422",)) as visit:
        await visit.to()
        await visit.page.locator("#find").fill(typed)
        await visit.page.locator("#find").press("Enter")
        await expect(visit.page.get_by_role("alert")).to_contain_text(told)


async def test_a_replay_is_tried_with_the_token_and_nothing_is_sent(
    desk: Desk, browser: Browser
) -> None:
    async with visiting(browser, desk.url) as visit:
        page = visit.page
        await visit.to(f"/dead-letters/{ORDERS}")
        await expect(page.locator("section.list")).to_contain_text("currency")
        await expect(page.locator("#fix")).to_have_count(0)
        await page.locator("#try").get_by_role("link", name="Enter the token").click()
        await page.get_by_label("The console's token").fill(TOKEN)
        await page.get_by_role("button", name="Enter").click()
        await page.get_by_role("link", name=ORDERS).click()
        await page.locator("#fix").fill("{do: trim, field: currency}")
        await page.get_by_role("button", name="Try it").click()
        tried = page.locator("#tried")
        await expect(tried).to_contain_text("12 of 17 would pass")
        await expect(tried).to_contain_text("Nothing was sent")
        await expect(tried).to_contain_text("total_cents")
        await visit.kept("tried")
        await check_accessible(visit)
        await page.get_by_role("link", name="try it").first.click()
        await expect(page.get_by_label("Reason")).to_have_value("schema")
        assert [one async for one in desk.ledger.disposals()] == []
        await page.get_by_role("button", name="Forget the token").click()
        await visit.to(f"/dead-letters/{ORDERS}")
        await expect(page.locator("#fix")).to_have_count(0)


async def test_a_wrong_token_opens_nothing(desk: Desk, browser: Browser) -> None:
    async with visiting(browser, desk.url, expected=("403",)) as visit:
        await visit.to("/token")
        await visit.page.get_by_label("The console's token").fill("a token of the test!")
        await visit.page.get_by_role("button", name="Enter").click()
        await expect(visit.page.get_by_role("alert")).to_contain_text("not the token")
        assert await visit.page.context.cookies() == []


async def test_days_before_are_one_step_away(desk: Desk, browser: Browser) -> None:
    async with visiting(browser, desk.url) as visit:
        page: Any = visit.page
        await visit.to()
        today = await page.locator(".tile dd").first.inner_text()
        await page.get_by_role("link", name="← earlier").click()
        await expect(page.locator("#after")).to_be_visible()
        assert await page.locator(".tile dd").first.inner_text() != today
        await page.get_by_role("link", name="later →").click()
        await expect(page.locator(".tile dd").first).to_have_text(today)
        await page.get_by_role("link", name="7 days", exact=True).click()
        await expect(page.locator("#days-7")).to_have_attribute("aria-current", "true")
        assert "days=7" in page.url


async def test_runs_that_failed_are_told_with_the_reason(desk: Desk, browser: Browser) -> None:
    async with visiting(browser, desk.url) as visit:
        page = visit.page
        await visit.to("/loads")
        await expect(page.locator(".lead")).to_contain_text("6 runs failed in the last day")
        await page.get_by_role("link", name="failed", exact=True).click()
        await expect(page.locator("section.list tbody tr")).to_have_count(6)
        await expect(page.locator("section.list tbody tr").first).to_contain_text(
            "the warehouse is suspended after 3 tries"
        )
        await visit.kept("failed")
