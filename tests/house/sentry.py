"""A server that takes what a Sentry client sends, and reads it as Sentry does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiohttp import web

from app.local.ports import free_port


class Sentry:
    """`items` are kinds and contents of all that came, `events` those of errors, `errors` the
    messages of these, `bodies` all as it came."""

    def __init__(self, port: int) -> None:
        self.dsn = f"http://key@127.0.0.1:{port}/1"
        self.errors: list[str] = []
        self.bodies: list[bytes] = []
        self.items: list[tuple[str, dict[str, Any]]] = []
        self.events: list[dict[str, Any]] = []

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.bodies.append(body)
        _, *items = body.split(b"\n")
        for head, payload in zip(items[::2], items[1::2], strict=False):
            if not head:
                continue
            kind, content = orjson.loads(head)["type"], orjson.loads(payload)
            self.items.append((kind, content))
            if kind == "event":
                self.events.append(content)
                self.errors.append(_message(content))
        return web.json_response({})


def _message(told: dict[str, Any]) -> str:
    entry = told.get("logentry") or {}
    return str(entry.get("formatted") or entry.get("message") or told.get("message") or told)


@asynccontextmanager
async def sentry() -> AsyncIterator[Sentry]:
    """Start one on a free port."""
    port = free_port()
    made = Sentry(port)
    app = web.Application(client_max_size=16 << 20)
    app.router.add_post("/api/1/envelope/", made.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield made
    finally:
        await runner.cleanup()
