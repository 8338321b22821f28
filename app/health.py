"""Is this process alive, is it ready, what does it measure: the same answers in every role."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.monitoring.declare import OfRole


@dataclass
class Readiness:
    """What this role waits for, by name; ready when nothing is waited for.

    `troubles` are told in the same place, and do not make it less ready.
    """

    waiting: dict[str, str] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)

    def wait_for(self, what: str, why: str) -> None:
        self.waiting[what] = why

    def reached(self, what: str) -> None:
        self.waiting.pop(what, None)

    def note(self, what: str, why: str) -> None:
        self.troubles[what] = why

    def mended(self, what: str) -> None:
        self.troubles.pop(what, None)


def health_routes(readiness: Readiness, role: str) -> list[web.RouteDef]:
    """`/livez` (200 while the event loop turns), `/readyz` (503 names what is missing),
    `/metrics` (those of this role)."""
    shown = OfRole(role)

    async def livez(_: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def readyz(_: web.Request) -> web.Response:
        ready = not readiness.waiting
        body = {
            "status": "ready" if ready else "waiting",
            "waiting_for": readiness.waiting,
            "troubles": readiness.troubles,
        }
        return web.Response(
            status=200 if ready else 503,
            body=orjson.dumps(body),
            content_type="application/json",
        )

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(shown), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    return [
        web.get("/livez", livez),
        web.get("/readyz", readyz),
        web.get("/metrics", metrics),
    ]


@asynccontextmanager
async def health_server(
    readiness: Readiness, role: str, host: str, port: int, more: Iterable[web.RouteDef] = ()
) -> AsyncIterator[int]:
    """Serve the health routes, and `more`; yields the port (useful when 0 was asked for)."""
    app = web.Application()
    app.add_routes([*health_routes(readiness, role), *more])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
