"""The gateway as a role: entering starts it, leaving drains it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from loguru import logger

from app.core.errors import Fatal
from app.core.judge import EventType
from app.gateway.background import Background
from app.gateway.budget import Budget
from app.gateway.cors import Cors
from app.gateway.docs import docs_routes
from app.gateway.door import Door
from app.gateway.events import EventsApi
from app.gateway.gate import Gates
from app.gateway.guard import guard_of
from app.gateway.http import middleware
from app.gateway.limits import Limits
from app.gateway.options import GatewayOptions
from app.gateway.publish import Publisher
from app.gateway.receipts import Ask, receipt_routes
from app.gateway.reruns import Runs, RunsLedger
from app.gateway.runs_api import RunsApi
from app.health import Readiness, health_routes
from app.kafka import KafkaOptions, TopicSpec
from app.redis_options import RedisOptions


@dataclass(frozen=True, slots=True)
class Gateway:
    """A started gateway. `failed` ends by raising when the role can not go on."""

    host: str
    port: int
    failed: Awaitable[None]

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


@asynccontextmanager
async def gateway(
    options: GatewayOptions,
    kafka: KafkaOptions,
    kinds: Mapping[str, EventType],
    topics: Mapping[str, TopicSpec],
    openapi: Mapping[str, Any],
    readiness: Readiness,
    *,
    receipts: Ask | None = None,
    apps: Mapping[str, str] | None = None,
    redis: RedisOptions | None = None,
    ledger: RunsLedger | None = None,
) -> AsyncIterator[Gateway]:
    """Serve HTTP at once; reach Kafka in the background, `/readyz` and 503 telling so meanwhile.

    `kinds` and `apps` (the app that sends it) are by event name, `topics` by their own names;
    `receipts` says where an event is, None: nobody here can. `redis` is where limits are counted;
    `ledger` knows declared runs.
    Leaving stops new requests, answers those inside, flushes.

    Raises:
        Fatal: the address can not be listened on, or not without keys.
    """
    background = Background()
    limits = Limits(options, redis or RedisOptions(), background)
    guard = guard_of(options, apps or {}, limits, readiness)
    budget = Budget(options.max_in_flight_bytes)
    publisher = Publisher(options, kafka, topics, budget, readiness, background)
    cors = Cors(options.cors_origins) if options.cors_origins else None
    door = Door(options.retry_after_seconds)
    app = web.Application(middlewares=[middleware(door, guard, cors)])
    runs = Runs(options, kinds, ledger)
    app.add_routes(EventsApi(options, kinds, publisher, budget, door, guard, runs).routes())
    app.add_routes(RunsApi(options, kinds, runs, budget, door).routes())
    app.add_routes(receipt_routes(options, kinds, receipts, door))
    app.add_routes(health_routes(readiness, "gateway"))
    app.add_routes(docs_routes(openapi))
    # Bodies are decompressed by us, within our limits.
    runner = web.AppRunner(
        app,
        access_log=None,
        auto_decompress=False,
        shutdown_timeout=1,
        keepalive_timeout=options.idle_timeout_seconds,
    )
    await runner.setup()
    assert runner.server
    gates = Gates(options, kinds, budget, runner.server, guard, cors)
    listener = await _listen(runner, options, gates)
    if guard is not None:
        background.spawn(guard.watch())
    publisher.start()
    running = Gateway(options.host, listener.sockets[0].getsockname()[1], background.failed)
    logger.info("gateway at {}", running.url)
    try:
        yield running
    finally:
        readiness.wait_for("gateway", "stopping")
        listener.close()
        if not await door.close(options.publish_timeout_seconds + 1):
            logger.warning("some requests are cut off: their bodies did not arrive")
        await publisher.close()
        await background.cancel()
        await runner.cleanup()


async def _listen(runner: web.AppRunner, options: GatewayOptions, gates: Gates) -> asyncio.Server:
    try:
        return await asyncio.get_running_loop().create_server(
            gates, options.host, options.port, backlog=options.backlog
        )
    except OSError as error:
        await runner.cleanup()
        raise Fatal(
            f"can not listen on {options.host}:{options.port}: {error.strerror}. "
            "Set GATEWAY__HOST and GATEWAY__PORT to a free address"
        ) from error
