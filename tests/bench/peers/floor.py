"""aiohttp that reads a request and answers it, with nothing behind: HTTP's own price.

`python -m tests.bench.peers.floor [uvloop]`
"""

import asyncio
import sys

import orjson
import uvloop
from aiohttp import web

from tests.bench.peers.settings import PORT

ACCEPTED = orjson.dumps({"results": [{"status": "accepted"}]})


async def one(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(status=202, body=ACCEPTED, content_type="application/json")


async def several(request: web.Request) -> web.Response:
    events = orjson.loads(await request.read())["events"]
    body = orjson.dumps({"results": [{"status": "accepted"} for _ in events]})
    return web.Response(status=202, body=body, content_type="application/json")


def main() -> None:
    app = web.Application(client_max_size=8 << 20)
    app.add_routes([web.post("/v1/events", several), web.post("/v1/events/{type}", one)])
    loop = uvloop.new_event_loop() if "uvloop" in sys.argv else asyncio.new_event_loop()
    web.run_app(app, host="127.0.0.1", port=PORT, print=None, access_log=None, loop=loop)


if __name__ == "__main__":
    main()
