"""A small real HTTP server that keeps the gateway's contract and does what a test tells it to."""

import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web
from backports import zstd

Result = dict[str, Any]
Verdict = Callable[[bytes], Result]
Refusal = Callable[[], web.Response]

ACCEPTED: Result = {"status": "accepted", "topic": "events.x.v1", "partition": 0, "offset": 0}
RETRY: Result = {"status": "retry", "message": "Kafka did not answer in time"}


def rejected(reason: str, field: str | None = None, *, kept: bool = False) -> Result:
    return {
        "status": "rejected", "reason": reason, "field": field, "message": "do it right",
        "kept": kept,
    }  # fmt: skip


def judge(line: bytes) -> Result:
    """Not JSON and a negative `n` are rejected, everything else is accepted."""
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError:
        return rejected("not_json")
    return rejected("schema", "n", kept=True) if event.get("n", 0) < 0 else ACCEPTED


def refusal(status: int, **headers: str) -> Refusal:
    """Answer a whole request with an error, without results."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: web.json_response({"error": "x", "message": "x"}, status=status, headers=named)


def hang_up() -> web.Response:
    """Cut the connection instead of answering."""
    raise ConnectionResetError


@dataclass
class FrontDoor:
    """`first` holds what to do with the next requests instead of judging them; None: judge it.

    `requests` are the bodies as lines, `types` the event types of the addresses, `runs` the runs
    they were sent in (empty: in none), `taken` the events answered `accepted`.
    """

    verdict: Verdict = judge
    first: list[Refusal | None] = field(default_factory=list)
    most_events: int = 10_000
    most_bytes: int = 64 << 20
    requests: list[list[bytes]] = field(default_factory=list)
    types: set[str] = field(default_factory=set)
    runs: set[str] = field(default_factory=set)
    encodings: set[str] = field(default_factory=set)
    taken: list[bytes] = field(default_factory=list)
    url: str = ""

    async def post(self, request: web.Request) -> web.Response:
        lines = (await _body(request)).split(b"\n")
        self.requests.append(lines)
        self.types.add(request.match_info["type"])
        self.runs.add(request.headers.get("X-Forebay-Run", ""))
        self.encodings.add(request.headers.get("Content-Encoding", ""))
        planned = self.first.pop(0) if self.first else None
        if planned is hang_up:
            assert request.transport is not None
            request.transport.abort()
        if planned is not None:
            return planned()
        if len(lines) > self.most_events or sum(map(len, lines)) > self.most_bytes:
            return refusal(413)()
        if not any(map(_is_json, lines)):
            return web.json_response({"error": "not_json", "message": "no JSON"}, status=400)
        results = [self.verdict(line) for line in lines]
        for line, result in zip(lines, results, strict=True):
            if result["status"] == "accepted":
                self.taken.append(line)
        return _answer(results)


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _answer(results: list[Result]) -> web.Response:
    statuses = {result["status"] for result in results}
    status, headers = 207, {}
    if statuses == {"accepted"}:
        status = 202
    elif statuses == {"rejected"}:
        status = 422
    elif statuses == {"retry"}:
        status, headers = 503, {"Retry-After": "0"}
    return web.json_response({"results": results}, status=status, headers=headers)


async def _body(request: web.Request) -> bytes:
    # aiohttp's server unpacks gzip by itself, zstd only in some versions.
    body = await request.read()
    if body[:2] == b"\x1f\x8b":
        return gzip.decompress(body)
    if body[:4] == b"\x28\xb5\x2f\xfd":
        return zstd.decompress(body)
    return body


@asynccontextmanager
async def front_door(door: FrontDoor, port: int = 0) -> AsyncIterator[FrontDoor]:
    """Serve `door` on this machine; port 0 takes a free one."""
    app = web.Application(client_max_size=64 << 20)
    app.router.add_post("/v1/events/{type}", door.post)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    door.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield door
    finally:
        await runner.cleanup()
