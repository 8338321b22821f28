"""The worker role: entering starts it, leaving drains it."""

import asyncio
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Collection, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

from loguru import logger

from app.core.errors import Fenced
from app.core.judge import EventType
from app.core.kill_points import passing
from app.health import Readiness, health_server
from app.kafka import KafkaOptions, TopicSpec, ensure_topics
from app.kafka_logs import kafka_logs
from app.ledger.protocol import Ledger
from app.logs import always
from app.retry import together, until_reached
from app.worker.agent import Agent
from app.worker.assignment import Assignment
from app.worker.breaker import Breaker
from app.worker.changelog import Changelog
from app.worker.ending import as_ours, exit_hard
from app.worker.extent import Extent
from app.worker.gaps import Gaps, Standing
from app.worker.lane import Lane
from app.worker.left_behind import LeftBehind
from app.worker.options import SealOptions, WorkerOptions
from app.worker.patience import Patience
from app.worker.quiet import quieten
from app.worker.reader import SizeClass, changelog_topics, faust_app, size_classes
from app.worker.sealing import Author, Sealing
from app.worker.standstill import Standstill
from sinks.protocol import ObjectStore

REVOKE_SECONDS = 12.0
"""To seal in a rebalance; the group waits for us, 30 s at most."""
LAST_LOOK_SECONDS = 1.0
"""For Kafka to say where the reading stands, before the last seal."""
STOP_SECONDS = 8.0
"""What Faust needs of the drain time, after everything is sealed."""


@asynccontextmanager
async def worker(
    options: WorkerOptions,
    seal: SealOptions,
    kafka: KafkaOptions,
    kinds: Mapping[str, EventType],
    topics: Mapping[str, TopicSpec],
    config_sha: str,
    ledger: Ledger,
    objects: ObjectStore,
    readiness: Readiness,
    drain_seconds: float,
) -> AsyncIterator["RunningWorker"]:
    """Read the topics of `kinds` (by event name) into sealed objects, until left.

    `topics` are these, by their names in Kafka, as they are to be.

    Servers that can not be reached yet are waited for, with `readiness` saying which. Leaving
    seals what is open within `drain_seconds`; a process that hangs longer ends with code 70.

    Raises:
        Fatal: a topic has another number of partitions than it is to have, or sealing failed
            while draining; `Fenced` if another worker owns a partition.
    """
    quieten()
    partitions = {kind.name: topics[kind.topic].partitions for kind in kinds.values()}
    classes = size_classes(options, kinds.values(), partitions)
    wanted = {**topics, **changelog_topics(classes)}
    readiness.wait_for("table recovery", "not assigned yet")
    async with health_server(readiness, "worker", options.host, options.port) as port:
        logger.info("health on http://{}:{}", options.host, port)
        await together(
            until_reached("ledger", ledger.ping, readiness),
            until_reached("object store", objects.ping, readiness),
            until_reached("kafka", lambda: ensure_topics(kafka, wanted), readiness),
        )
        running = RunningWorker(
            options, seal, kafka, kinds, classes, config_sha, ledger, objects, readiness, port
        )
        try:
            await running.start()
            yield running
        finally:
            await running.stop(drain_seconds)
        running.raise_if_dead()


class RunningWorker:
    """A started worker. `port` is where its health is served."""

    def __init__(
        self,
        options: WorkerOptions,
        seal: SealOptions,
        kafka: KafkaOptions,
        kinds: Mapping[str, EventType],
        classes: list[SizeClass],
        config_sha: str,
        ledger: Ledger,
        objects: ObjectStore,
        readiness: Readiness,
        port: int,
    ) -> None:
        self.port = port
        self._options, self._classes, self._readiness = options, classes, readiness
        self._tick_seconds = min(seal.max_age_seconds / 4, 5.0)
        self._changelog = Changelog(kafka)
        author = Author(options.worker_id or f"{socket.gethostname()}-{os.getpid()}", config_sha)
        always(worker=author.worker)
        by_topic = {kind.topic: kind for kind in kinds.values()}
        marks = {topic: size.marks for size in classes for topic in size.topics}
        self._extent = Extent(kafka)
        self._assignment = Assignment(self._extent, by_topic, marks, ledger)
        self._standstill = Standstill(
            kinds, self._assignment, readiness, ledger, lambda: self._app.consumer
        )
        self._sealing = Sealing(
            seal,
            author,
            objects,
            ledger,
            self._changelog,
            self._assignment.is_of_one_topic,
            self._standstill.read_again,
            self._fail,
            readiness,
        )
        ratio, least = options.max_rejected_ratio, options.min_rejected_count
        breakers = {name: Breaker(name, ratio, least) for name in kinds}
        agent = Agent(
            self._assignment.lanes,
            self._sealing,
            breakers,
            self._standstill.pause,
            self._standstill.read_again,
            self._log_start,
        )
        self._gaps = Gaps(self._assignment.lanes, self._sealing, self._extent, self._standing)
        topics = {kind.name: kind.topic for kind in kinds.values()}
        self._left_behind = LeftBehind(topics, ledger, kafka_logs(kafka))
        self._app = faust_app(options, kafka, classes, agent)
        self._app.find_cursors = self._assignment.find_cursors
        self._app.begin_reading = self._begin_reading
        self._app.sealed_offsets = self._assignment.sealed_offsets
        self._app.fail = self._fail
        self._app.on_partitions_revoked.connect(self._revoked)
        self._death: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tasks: list[asyncio.Task[Any]] = []

    @property
    def failed(self) -> "asyncio.Future[None]":
        """Ends by raising when the worker dies by itself; a supervisor starts it again.

        `Fatal` (and `Fenced`) say what was wrong, `Transient` what may work after a restart.
        """
        return asyncio.ensure_future(self._wait_for_death())

    def raise_if_dead(self) -> None:
        """Raise what `failed` would, if draining came to that."""
        if self._death.done():
            self._death.result()

    async def start(self) -> None:
        await until_reached("kafka", self._extent.start, self._readiness)
        await until_reached("kafka", self._changelog.start, self._readiness)
        self._tasks = [
            asyncio.create_task(self._run_app()),
            asyncio.create_task(self._left_behind.watch()),
            # Without these nothing would be sealed by age, and no replaced topic be noticed.
            asyncio.create_task(self._vital(self._keep_time())),
            asyncio.create_task(self._vital(self._standstill.watch_topics())),
            asyncio.create_task(self._vital(self._standstill.watch_pauses(self._sealing.cut_of))),
            asyncio.create_task(self._vital(self._gaps.watch(self._tick_seconds))),
        ]

    async def stop(self, drain_seconds: float) -> None:
        """Seal what is open if all is well, then let go of everything."""
        hard_exit = threading.Timer(drain_seconds, exit_hard)
        hard_exit.daemon = True
        hard_exit.start()
        app = self._app
        died_of = self._death.exception() if self._death.done() else None
        if died_of is None:
            logger.info("draining")
            await self._last_gaps()
            if app.started:
                app.consumer.stop_flow()
            self._assignment.revoke()
            spare = drain_seconds - STOP_SECONDS - LAST_LOOK_SECONDS
            await self._sealing.seal_all("shutdown", max(spare, 1.0))
        else:
            self._assignment.revoke()
            await self._sealing.drop_all()
        await app.stop()  # publishes the cursors as group offsets
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._changelog.stop()
        await self._extent.stop()
        await app.threads_ended()
        hard_exit.cancel()  # nothing is left that could keep the process from ending
        logger.info("worker stopped")

    async def _wait_for_death(self) -> None:
        await asyncio.shield(self._death)

    def _fail(self, error: BaseException) -> None:
        """Stop taking, for nothing after a failed seal may be written."""
        if self._death.done():
            return
        self._assignment.revoke()
        fenced, ours = isinstance(error, Fenced), as_ours(error)
        # An error is made of it once the worker has stopped; which it may not live to do.
        logger.warning("{}: {}", "fenced" if fenced else "the worker ends", ours)
        if fenced:
            for size in self._classes:  # the other owner's marks may be missing here
                size.marks.wipe()
        self._death.set_exception(ours)
        self._death.add_done_callback(lambda death: death.exception())

    async def _run_app(self) -> None:
        try:
            await self._app.start()
            await self._app.wait_until_stopped()
        except Exception as error:
            self._fail(error)
        else:
            if self._app.crash_reason is not None:
                self._fail(self._app.crash_reason)

    async def _vital(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:
            self._fail(error)

    async def _keep_time(self) -> None:
        """Cut seals that are due, and notice an assignment that never ends: Faust's silent hang."""
        patience = Patience(self._options.stuck_after_seconds, time.monotonic())
        while not self._death.done():
            await asyncio.sleep(self._tick_seconds)
            self._sealing.cut_due()
            applied = sum(size.marks.applied for size in self._classes)
            patience.look(time.monotonic(), settled=self._settled(), applied=applied)

    async def _standing(self) -> Mapping[Any, Standing]:
        if not self._app.started:
            return {}
        consumer: Any = self._app.consumer  # makes it, if Faust has not
        found: Mapping[Any, Standing] = await consumer.standing()
        return found

    def _settled(self) -> bool:
        app = self._app
        return app.started and app.rebalancing_count > 0 and not app.rebalancing

    def _begin_reading(self, places: Collection[Any], epoch: int) -> None:
        if places:
            passing("before_reading")
        self._assignment.begin_reading(places, epoch)
        self._readiness.reached("table recovery")

    async def _revoked(self, *_: Any, **__: Any) -> None:
        """Every rebalance revokes everything: seal it, so that nobody reads it again."""
        self._readiness.wait_for("table recovery", "rebalancing")
        if self._assignment.lanes:  # not so when a worker joins
            await self._last_gaps()
            self._assignment.revoke()
            passing("while_revoked")
        self._assignment.revoke()
        await self._sealing.seal_all("revocation", REVOKE_SECONDS)

    async def _last_gaps(self) -> None:
        """What this seal leaves behind of a topic that nobody reads on would look unread."""
        await self._vital(self._gaps.follow_once_more(LAST_LOOK_SECONDS))

    async def _log_start(self, lane: Lane) -> int:
        return (await self._extent.starts([lane.place]))[lane.place]
