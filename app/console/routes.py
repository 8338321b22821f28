"""The addresses of the console: all below /console, in whatever server they are put."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from time import perf_counter

from aiohttp import web
from loguru import logger

from app.console.balance import balance_page
from app.console.catalogue import catalogue_page, entry_page
from app.console.data import Data, Stores
from app.console.door import COOKIE, HOURS, Door, is_own
from app.console.find import asked_of, find_page
from app.console.freshness import freshness_page
from app.console.kind import kind_page
from app.console.kinds import Kinds
from app.console.letters import group_page, letters_page, try_replay
from app.console.loads import loads_page
from app.console.options import ConsoleOptions
from app.console.page import HOME, Page, Press
from app.core.errors import Fatal, ForebayError, Transient

Given = Mapping[str, str]
View = Callable[[web.Request], Awaitable[Page]]
WRONG_SECONDS = 1.0
FORM_BYTES = 64 << 10
AT_ONCE = 4
"""Searches and trials: they read objects, and each holds some."""


class Elsewhere(Exception):
    """Answered by a redirection. `cookie` is set on the way, if it is not None."""

    def __init__(self, to: str, cookie: str | None = None) -> None:
        super().__init__(to)
        self.to, self.cookie = to, cookie


class Console:
    """Pages over `stores`, for event types of `kinds`."""

    def __init__(self, kinds: Kinds, stores: Stores, options: ConsoleOptions) -> None:
        self.data = Data(kinds, stores)
        self._door = Door(options.token)
        self._press = Press(self._door)
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._guesses = asyncio.Lock()

    @property
    def routes(self) -> list[web.RouteDef]:
        """For an `aiohttp` application."""
        data = self.data

        def page(path: str, view: Callable[[Given], Awaitable[Page]]) -> web.RouteDef:
            return web.get(HOME + path, self._answering(lambda r: view(r.query)))

        def page_of(path: str, view: Callable[[str, Given], Awaitable[Page]]) -> web.RouteDef:
            return web.get(
                f"{HOME}{path}/{{event}}",
                self._answering(lambda r: view(r.match_info["event"], r.query)),
            )

        return [
            page("", lambda given: balance_page(data, given)),
            page("/", lambda given: balance_page(data, given)),
            page("/freshness", lambda given: freshness_page(data, given)),
            page("/loads", lambda given: loads_page(data, given)),
            page("/dead-letters", lambda given: letters_page(data, given)),
            page("/catalogue", lambda given: catalogue_page(data, given)),
            page_of("/types", lambda event, given: kind_page(data, event, given)),
            page_of("/dead-letters", lambda event, given: group_page(data, event, given)),
            page_of("/catalogue", lambda event, given: entry_page(data, event)),
            web.get(f"{HOME}/find", self._answering(self._find)),
            web.post(f"{HOME}/find", self._answering(self._find)),
            web.post(f"{HOME}/dead-letters/{{event}}", self._answering(self._try)),
            web.get(f"{HOME}/token", self._answering(self._ask)),
            web.post(f"{HOME}/token", self._answering(self._enter)),
            web.post(f"{HOME}/leave", self._answering(self._leave)),
            web.get(f"{HOME}/static/{{name}}", self._asset),
            web.get(f"{HOME}/{{rest:.*}}", self._answering(self._missing)),
        ]

    async def stop(self) -> None:
        """End what looks around in the background."""
        await self.data.statuses.stop()

    async def _asset(self, request: web.Request) -> web.Response:
        return self._press.asset(request.match_info["name"])

    async def _find(self, request: web.Request) -> Page:
        given = await _form(request) if request.method == "POST" else request.query
        async with self._slots:
            return await find_page(self.data, asked_of(self.data, given))

    async def _try(self, request: web.Request) -> Page:
        event, form = request.match_info["event"], await _form(request)
        if not self._door.lets_in(request):
            raise Elsewhere("../token")
        if not self._door.stamped(request, form.get("stamp", "")):
            raise web.HTTPForbidden(text="this form is of another visit: load its page again")
        if event not in self.data.kinds:
            raise web.HTTPNotFound
        async with self._slots:
            try:
                tried = await try_replay(self.data, event, form)
            except Fatal as error:
                tried = {"problem": str(error), "fix": form.get("fix", "")}
        chosen = {name: form.get(name, "") for name in ("reason", "field")}
        page = await group_page(self.data, event, chosen, tried)
        return page if "problem" not in tried else _with_status(page, 422)

    async def _ask(self, request: web.Request) -> Page:
        return Page("token.html", "Token", "", {"wrong": False})

    async def _enter(self, request: web.Request) -> Page:
        form = await _form(request)
        async with self._guesses:  # one at a time: there is no guessing many
            if self._door.opens(form.get("token", "")):
                raise Elsewhere("dead-letters", self._door.ticket())
            await asyncio.sleep(WRONG_SECONDS)
        return Page("token.html", "Token", "", {"wrong": True}, status=403)

    async def _leave(self, request: web.Request) -> Page:
        form = await _form(request)
        if not self._door.stamped(request, form.get("stamp", "")):
            raise web.HTTPForbidden(text="this form is of another visit: load its page again")
        raise Elsewhere("./", "")

    async def _missing(self, request: web.Request) -> Page:
        raise web.HTTPNotFound

    def _answering(self, view: View) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Print what a view says, and say what went wrong in the same way."""

        async def answer(request: web.Request) -> web.StreamResponse:
            began = perf_counter()
            try:
                page = await view(request)
            except Elsewhere as elsewhere:
                return _sent(request, elsewhere)
            except Exception as error:
                page = _trouble(error)
            return self._press.print(request, page, began)

        return answer


async def _form(request: web.Request) -> Mapping[str, str]:
    """A form of our own page. Raises `HTTPForbidden` for another site's."""
    if not is_own(request):
        raise web.HTTPForbidden(text="this form was sent by another site")
    if (request.content_length or 0) > FORM_BYTES:
        raise web.HTTPRequestEntityTooLarge(FORM_BYTES, request.content_length or 0)
    form = await request.post()
    return {name: value for name, value in form.items() if isinstance(value, str)}


def _sent(request: web.Request, elsewhere: Elsewhere) -> web.Response:
    response = web.Response(status=303, headers={"Location": elsewhere.to})
    if elsewhere.cookie is not None:
        forwarded = request.headers.get("X-Forwarded-Proto", "")
        response.set_cookie(
            COOKIE,
            elsewhere.cookie,
            max_age=HOURS * 3_600 if elsewhere.cookie else 0,
            httponly=True,
            samesite="Strict",
            secure=request.secure or forwarded == "https",
        )
    return response


def _trouble(error: Exception) -> Page:
    """What went wrong, in words for whoever looks; of a bug only where it is, and that in the log:
    the text of an error may quote a key."""
    match error:
        case web.HTTPNotFound():
            return _told(404, "There is no such page", "The address may be mistyped, or the event "
                         "type has no topic file any more.")  # fmt: skip
        case web.HTTPException():
            return _told(error.status, error.reason, error.text or "")
        case TimeoutError():
            return _told(504, "It took too long", "The servers are slow: try again, or use the "
                         "command line, which is patient.")  # fmt: skip
        case Transient():
            return _told(503, "A server does not answer", str(error))
        case ForebayError():
            return _told(500, "Something must be put right", str(error))
    where = "".join(traceback.format_tb(error.__traceback__))
    logger.bind(where=where).error("{} while making a page", type(error).__name__)
    return _told(500, "This is a fault of the console", "Its log says where.")


def _told(status: int, title: str, what: str) -> Page:
    return Page("trouble.html", title, "", {"what": what}, status=status)


def _with_status(page: Page, status: int) -> Page:
    return Page(page.template, page.title, page.here, page.said, status)


@asynccontextmanager
async def opened_console(
    kinds: Kinds, stores: Stores, options: ConsoleOptions
) -> AsyncIterator[Console]:
    """A console as long as its server runs."""
    console = Console(kinds, stores, options)
    try:
        yield console
    finally:
        await console.stop()
