"""The console without a browser: headers, forms of other sites, tokens, servers that are away."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from pydantic import SecretStr, ValidationError

from app.console.answers import Answers
from app.console.data import KEPT_SECONDS
from app.console.door import COOKIE, HOURS, Door
from app.console.options import ConsoleOptions
from app.core.errors import Transient
from app.letters.fix.mend import parse_fix
from tests.console.desk import ORDERS, TOKEN, Desk, opened_desk
from tests.console.orders import SECRET, order

ALL = ("", "/", "/freshness", "/loads", "/dead-letters", f"/dead-letters/{ORDERS}",
       f"/types/{ORDERS}", "/find", "/catalogue", f"/catalogue/{ORDERS}", "/token")  # fmt: skip


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with opened_desk(tmp_path_factory.mktemp("desk"), full=False) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def http(desk: Desk) -> AsyncIterator[aiohttp.ClientSession]:
    desk.console.data.answers = Answers(KEPT_SECONDS)  # nothing is kept from the test before
    jar = aiohttp.CookieJar(unsafe=True)  # for it is an address, and no name
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        yield session


def own(desk: Desk) -> dict[str, str]:
    """What a browser says of a form of the console's own."""
    return {"Sec-Fetch-Site": "same-origin", "Origin": desk.url.removesuffix("/console")}


async def entered(desk: Desk, http: aiohttp.ClientSession) -> str:
    """Enter the token; the stamp of the forms of this visit."""
    async with http.post(f"{desk.url}/token", data={"token": TOKEN}, headers=own(desk)) as answer:
        assert answer.status == 200
    async with http.get(f"{desk.url}/dead-letters/{ORDERS}") as answer:
        stamp = re.search(r'name="stamp" value="([0-9a-f]{64})"', await answer.text())
    assert stamp is not None
    return stamp[1]


@pytest.mark.parametrize("path", ALL)
async def test_each_page_forbids_what_is_inline_or_from_elsewhere(
    desk: Desk, http: aiohttp.ClientSession, path: str
) -> None:
    async with http.get(desk.url + path) as answer:
        text = await answer.text()
        assert answer.status == 200
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["Cache-Control"] == "no-store"
        assert re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", text) is None
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', text)
        assert SECRET not in text


async def test_links_are_relative_and_lead_somewhere(
    desk: Desk, http: aiohttp.ClientSession
) -> None:
    seen: dict[str, int] = {}
    waiting = [desk.url]
    while waiting and len(seen) < 60:
        url = waiting.pop(0)
        async with http.get(url) as answer:
            seen[url] = answer.status
            text = await answer.text() if answer.content_type == "text/html" else ""
            base = answer.url
        for link in re.findall(r'href="([^"#]+)', text):
            assert not link.startswith("/"), link
            to = str(base.join(aiohttp.client.URL(link.replace("&amp;", "&")))).partition("?")[0]
            if to not in seen and to not in waiting:
                waiting.append(to)
    assert {url: status for url, status in seen.items() if status != 200} == {}
    assert len(seen) > 30


async def test_what_is_not_there_is_told_on_a_page(desk: Desk, http: aiohttp.ClientSession) -> None:
    for path in (
        "/nothing",
        "/types/nothing",
        "/catalogue/nothing",
        "/dead-letters/nothing",
        "/a/b/c",
    ):
        async with http.get(desk.url + path) as answer:
            assert answer.status == 404, path
            assert "There is no such page" in await answer.text()
    async with http.get(f"{desk.url}/static/../page.py") as answer:
        assert answer.status == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://elsewhere.example"},
        {},
    ],
)
async def test_a_form_of_another_site_is_refused_whatever_it_knows(
    desk: Desk, http: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    stamp = await entered(desk, http)
    for path, data in (
        ("/find", {"q": f"{ORDERS} x"}),
        ("/token", {"token": TOKEN}),
        (f"/dead-letters/{ORDERS}", {"stamp": stamp}),
        ("/leave", {"stamp": stamp}),
    ):
        async with http.post(desk.url + path, data=data, headers=headers) as answer:
            assert answer.status == 403, path


async def test_a_trial_needs_the_cookie_and_the_stamp_of_the_same_visit(
    desk: Desk, http: aiohttp.ClientSession
) -> None:
    url = f"{desk.url}/dead-letters/{ORDERS}"
    async with http.post(
        url, data={"stamp": "0"}, headers=own(desk), allow_redirects=False
    ) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "../token")
    stamp = await entered(desk, http)
    async with http.post(url, data={"stamp": stamp}, headers=own(desk)) as answer:
        assert answer.status == 200
        assert "0 of 17 would pass" in await answer.text()
    for wrong in ("", "0" * 64, stamp[::-1]):
        async with http.post(url, data={"stamp": wrong}, headers=own(desk)) as answer:
            assert answer.status == 403
    jar: Any = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as another:
        await entered(desk, another)
        async with another.post(url, data={"stamp": stamp}, headers=own(desk)) as answer:
            assert answer.status == 403


async def test_the_cookie_is_for_this_site_alone_and_out_of_reach_of_scripts(
    desk: Desk, http: aiohttp.ClientSession
) -> None:
    data = {"token": TOKEN}
    async with http.post(f"{desk.url}/token", data=data, headers=own(desk),
                         allow_redirects=False) as answer:  # fmt: skip
        (cookie,) = answer.headers.getall("Set-Cookie")
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert TOKEN not in cookie
    async with http.post(f"{desk.url}/token", data=data, allow_redirects=False,
                         headers=own(desk) | {"X-Forwarded-Proto": "https"}) as answer:  # fmt: skip
        assert "Secure" in answer.headers["Set-Cookie"]


class Asking:
    """As much of a request as the door looks at."""

    def __init__(self, cookie: str) -> None:
        self.cookies = {COOKIE: cookie}


async def test_a_cookie_ends_with_its_shift_with_its_token_and_with_a_letter_changed() -> None:
    door, other = Door(SecretStr(TOKEN)), Door(SecretStr("another token, as long"))
    ticket: Any = Asking(door.ticket())
    assert door.lets_in(ticket)
    assert not other.lets_in(ticket)
    assert not Door(SecretStr("")).lets_in(ticket)
    old: Any = Asking(door.ticket(now=0.0))
    assert not door.lets_in(old)
    ends = float(door.ticket(now=1e9).partition(".")[0])
    assert ends == 1e9 + HOURS * 3600
    said = ticket.cookies[COOKIE]
    for at in range(len(said)):
        changed: Any = Asking(said[:at] + ("x" if said[at] != "x" else "y") + said[at + 1 :])
        assert not door.lets_in(changed), at
    nothing: Any = Asking("")
    assert not door.lets_in(nothing)
    assert not Door(SecretStr("")).stamped(nothing, "")


async def test_a_short_token_is_refused_and_none_is_ever_printed() -> None:
    with pytest.raises(ValidationError, match="16 characters or more") as refused:
        ConsoleOptions(token=SecretStr("short"))
    assert "short" not in str(refused.value).replace("is short", "")
    assert TOKEN not in repr(ConsoleOptions(token=SecretStr(TOKEN)))


async def test_without_a_token_there_is_nothing_to_try(tmp_path: Path) -> None:
    async with opened_desk(tmp_path, token="", full=False) as desk, aiohttp.ClientSession() as http:
        async with http.get(f"{desk.url}/dead-letters/{ORDERS}") as answer:
            text = await answer.text()
        assert "CONSOLE__TOKEN" in text
        assert "<textarea" not in text
        async with http.post(f"{desk.url}/token", data={"token": ""}, headers=own(desk)) as answer:
            assert answer.status == 403
        async with http.post(f"{desk.url}/dead-letters/{ORDERS}", data={"stamp": ""},
                             headers=own(desk), allow_redirects=False) as answer:  # fmt: skip
            assert answer.status == 303


async def test_a_fix_is_never_the_name_of_a_file(
    desk: Desk, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    file = tmp_path / "fix.yaml"
    file.write_text("{do: trim, field: currency}")
    data = {"stamp": await entered(desk, http), "fix": str(file)}
    async with http.post(
        f"{desk.url}/dead-letters/{ORDERS}", data=data, headers=own(desk)
    ) as answer:
        assert answer.status == 422
        assert "can not be read" in await answer.text()
    assert len(parse_fix("{do: trim, field: currency}").steps) == 1


async def test_a_ledger_that_is_away_is_told_and_asked_again(
    desk: Desk, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> Any:
        raise Transient("the ledger is locked by another process; trying again helps")

    with monkeypatch.context() as patch:
        patch.setattr(desk.ledger, "balances", away)
        async with http.get(desk.url) as answer:
            assert answer.status == 503
            assert "locked by another process" in await answer.text()
    async with http.get(desk.url) as answer:
        assert answer.status == 200


async def test_a_bug_is_a_page_that_says_nothing_of_it(
    desk: Desk, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> Any:
        raise ValueError(SECRET)

    monkeypatch.setattr(desk.ledger, "recent_loads", broken)
    async with http.get(f"{desk.url}/loads") as answer:
        assert answer.status == 500
        assert SECRET not in await answer.text()


async def test_one_answer_serves_all_who_look_at_once(
    desk: Desk, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, ask = [], desk.ledger.balances

    async def counted(*words: Any) -> Any:
        asked.append(words)
        return await ask(*words)

    monkeypatch.setattr(desk.ledger, "balances", counted)
    for query in ("?q=order", "?sort=dead", "?show=waiting", ""):
        async with http.get(desk.url + query) as answer:
            assert answer.status == 200
    assert len(asked) == 1


async def test_names_that_a_sender_chose_are_masked_everywhere(
    desk: Desk, http: aiohttp.ClientSession
) -> None:
    (place,) = await desk.orders.seal([order(900, **{SECRET: 1})])
    for path in (f"/find?at={place}", f"/dead-letters/{ORDERS}"):
        async with http.get(desk.url + path) as answer:
            text = await answer.text()
            assert answer.status == 200
        assert "Frieda" not in text
        assert "Aaaaaa.Aaaaaaaaaa@aaaaaaa.aaa" in text


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ('" onfocus="alert(1)', "&#34; onfocus=&#34;alert(1)"),
        ("{{ 7*7 }}", "{{ 7*7 }}"),
    ],
)
async def test_what_is_typed_is_shown_as_text(
    desk: Desk, http: aiohttp.ClientSession, typed: str, shown: str
) -> None:
    given = dict.fromkeys(("q", "sort", "day", "days"), typed)
    async with http.get(desk.url, params=given) as answer:
        text = await answer.text()
        assert answer.status == 200
    data = {"q": f"{ORDERS} {typed}"}
    async with http.post(f"{desk.url}/find", data=data, headers=own(desk)) as answer:
        found = await answer.text()
        assert answer.status == 422
    for page in (text, found):
        assert f'value="{shown}"' in page
        assert shown == typed or typed not in page


async def test_a_filter_finds_by_app_owner_and_table(
    desk: Desk, http: aiohttp.ClientSession
) -> None:
    for words in ("shop", "checkout-data", "raw.order_placed", "ORDER checkout"):
        async with http.get(f"{desk.url}/catalogue", params={"q": words}) as answer:
            assert f"catalogue/{ORDERS}" in await answer.text()
    async with http.get(f"{desk.url}/catalogue", params={"q": "shop nonsense"}) as answer:
        assert "Nothing fits this filter" in await answer.text()
