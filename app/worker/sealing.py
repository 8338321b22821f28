"""From open seals to entries of the ledger.

The order of a seal, stated here and followed in `_close`:

1. finish the uploads
2. wait until the dedupe changelog is acknowledged; see that the topic is still the same
3. record the seal in the ledger
4. advance: what the ledger has is done

Crash before 3 and nothing happened: stray objects that no seal names. Crash after 3 and all did.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from loguru import logger

from app.core.errors import Transient
from app.core.judge import EventType
from app.core.kill_points import passing
from app.core.seal import Range, Seal, StoredObject
from app.health import Readiness
from app.ledger.protocol import Ledger
from app.metrics import WORKER_MEMORY_WAITS
from app.retry import until_reached
from app.worker import telling
from app.worker.changelog import Changelog
from app.worker.governor import Governor
from app.worker.lane import Lane
from app.worker.memory import tell_of_seals
from app.worker.open_seal import OpenObject, OpenSeal, Span
from app.worker.options import SealOptions
from sinks.protocol import ObjectStore

T = TypeVar("T")

UPLOADS_AT_ONCE = 8
RELIEVE_PAUSE_SECONDS = 1.0
LOOK_EVERY_SECONDS = 0.05
LOOKS_PER_BUDGET = 16
"""Memory is added up now and then, or when much was added: it costs more than a record does."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes the seals, under which configuration."""

    worker: str
    config_sha: str


class Mixed(Exception):
    """Nobody can tell which records of this seal were of the topic that was read, and which of
    another one that took its name."""


@dataclass(slots=True)
class Closing:
    """A seal on its way into the ledger. Once `recording`, its objects may be named there."""

    seal: OpenSeal
    task: "asyncio.Task[None]"
    recording: bool = False


class Sealing:
    """At most one open and one closing seal per event type: so each chain grows in order."""

    def __init__(
        self,
        options: SealOptions,
        author: Author,
        objects: ObjectStore,
        ledger: Ledger,
        changelog: Changelog,
        is_of_one_topic: Callable[[Mapping[Lane, Span]], Awaitable[bool]],
        read_again: Callable[[str, str], None],
        fail: Callable[[BaseException], None],
        readiness: Readiness | None = None,
    ) -> None:
        """`read_again` is told the type, and why, whose place in its topic must be found anew;
        `fail` hears of what ends this worker: `Fenced`, `Fatal` or a bug; `readiness` tells which
        server is in a seal's way."""
        self._options, self._author = options, author
        self._objects, self._ledger, self._changelog = objects, ledger, changelog
        self._governor = Governor(options.memory_bytes)
        self._is_of_one_topic, self._read_again, self._fail = is_of_one_topic, read_again, fail
        self._readiness = readiness
        self._looked_at = 0.0
        self._open: dict[str, OpenSeal] = {}
        self._closing: dict[str, Closing] = {}
        closing = self._closing.values()
        tell_of_seals(options.memory_bytes, self._open.values, lambda: [c.seal for c in closing])

    def opened(self, kind: EventType) -> OpenSeal:
        """The open seal of this type; a new one if there is none."""
        seal = self._open.get(kind.name)
        if seal is None:
            seal = self._open[kind.name] = OpenSeal(kind, self._objects)
        return seal

    async def make_room(self, grown: OpenSeal) -> None:
        """After adding to `grown`: upload full parts, cut what is large, wait while memory is
        short.

        Returns at once in the ordinary case. Waiting here stops the reading of all partitions of
        a size class; Kafka keeps the rest.
        """
        added_bytes = grown.text_bytes - grown.looked_at_bytes
        recently = time.monotonic() - self._looked_at < LOOK_EVERY_SECONDS
        if recently and added_bytes < self._options.memory_bytes // LOOKS_PER_BUDGET:
            return
        self._looked_at, grown.looked_at_bytes = time.monotonic(), grown.text_bytes
        for seal in list(self._open.values()):
            await self._relieve(seal)
            await self._cut_large(seal)
        while True:
            self._cut_largest()
            closing = list(self._closing.values())
            over = self._governor.over_budget(self._open.values(), (c.seal for c in closing))
            if not over or not closing:
                return
            began = time.monotonic()
            await self._wait_for_one(*closing)
            WORKER_MEMORY_WAITS.inc(time.monotonic() - began)

    def _cut_largest(self) -> None:
        largest = self._governor.largest_to_seal(
            self._open.values(), self._closable(), while_closing=bool(self._closing)
        )
        if largest is not None:
            self._cut(largest.kind.name, "memory")

    async def _cut_large(self, seal: OpenSeal) -> None:
        while self._is_open(seal) and seal.text_bytes >= self._options.max_bytes:
            closing = self._closing.get(seal.kind.name)
            if closing is None:
                self._cut(seal.kind.name, "size")
            else:
                await self._wait_for_one(closing)

    def cut_due(self) -> None:
        """Cut what no arriving record would: seals older than `max_age_seconds`, and the largest
        while memory is short."""
        self._cut_largest()
        for seal in self._closable():
            if seal.age_seconds >= self._options.max_age_seconds:
                self._cut(seal.kind.name, "age")

    def cut_of(self, event: str) -> None:
        """Cut what is open of a type of which nothing more will come."""
        if event in self._open and event not in self._closing:
            self._cut(event, "pause")

    async def seal_all(self, cut_by: str, seconds: float) -> None:
        """Seal whatever is open; what is not in the ledger in time is dropped and read again."""
        deadline = time.monotonic() + seconds
        while self._open or self._closing:
            for seal in self._closable():
                self._cut(seal.kind.name, cut_by)
            left = deadline - time.monotonic()
            if left <= 0:
                logger.warning("not sealed within {:.0f} s: {}", seconds, self._unsealed())
                break
            tasks = [closing.task for closing in self._closing.values()]
            await asyncio.wait(tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        await self.drop_all()

    async def drop(self, event: str) -> None:
        """Forget what is open of one type; its cursors do not move."""
        seal = self._open.pop(event, None)
        if seal is not None:
            async with seal.writing:  # a part may be on its way
                await _abort(seal)

    async def drop_all(self) -> None:
        """Forget what is open and stop what is closing; the ledger's cursors do not move."""
        closing, dropped = list(self._closing.values()), list(self._open.values())
        self._open.clear()
        self._closing.clear()
        for entry in closing:
            entry.task.cancel()
        await asyncio.gather(*(c.task for c in closing), return_exceptions=True)
        dropped += [c.seal for c in closing if not c.recording]
        for seal in dropped:
            await _abort(seal)

    def _is_open(self, seal: OpenSeal) -> bool:
        return self._open.get(seal.kind.name) is seal

    def _closable(self) -> list[OpenSeal]:
        return [seal for event, seal in self._open.items() if event not in self._closing]

    def _unsealed(self) -> str:
        return ", ".join(sorted(self._open.keys() | self._closing.keys()))

    async def _wait_for_one(self, *closing: Closing) -> None:
        await asyncio.wait([c.task for c in closing], return_when=asyncio.FIRST_COMPLETED)

    async def _relieve(self, seal: OpenSeal) -> None:
        async with seal.writing:
            while self._is_open(seal):
                try:
                    for opened in list(seal.objects.values()):
                        await opened.writer.relieve()
                    return
                except Transient as error:
                    logger.warning("a part was not stored, trying again: {}", error)
                    await asyncio.sleep(RELIEVE_PAUSE_SECONDS)

    def _cut(self, event: str, cut_by: str) -> None:
        seal = self._open.pop(event)
        seal.cut_at = time.monotonic()
        self._closing[event] = Closing(seal, asyncio.create_task(self._closed(seal, cut_by)))

    async def _closed(self, seal: OpenSeal, cut_by: str) -> None:
        event = seal.kind.name
        try:
            with telling.closing(seal, cut_by):
                await self._close(seal)
        except Mixed:
            self._read_again(event, f"{event}: another topic has its name, a seal was dropped")
            await self.drop(event)
            await _abort(seal)
        except Exception as error:
            self._fail(error)
        finally:
            closing = self._closing.get(event)
            if closing is not None and closing.seal is seal:
                del self._closing[event]

    async def _close(self, seal: OpenSeal) -> None:
        passing("before_upload")
        marks = asyncio.gather(*(self._marked(seal, lane) for lane in seal.spans))
        try:
            stored = await self._finished(seal)  # 1
            passing("after_upload")
            changelog = dict(await marks)  # 2
            if not await self._reached("kafka", lambda: self._is_of_one_topic(seal.spans)):
                raise Mixed
        finally:
            marks.cancel()
            await asyncio.gather(marks, return_exceptions=True)
        entry = self._entry(seal, stored, changelog)
        self._closing[seal.kind.name].recording = True
        passing("before_ledger")
        await self._reached("ledger", lambda: self._record(seal, entry))  # 3
        passing("after_ledger")
        for lane, span in seal.spans.items():  # 4
            lane.sealed = span.next
        telling.recorded(seal, entry)

    async def _reached(self, what: str, attempt: Callable[[], Awaitable[T]]) -> T:
        return await until_reached(what, attempt, self._readiness, ready=True)

    async def _finished(self, seal: OpenSeal) -> tuple[StoredObject, ...]:
        limit = asyncio.Semaphore(UPLOADS_AT_ONCE)

        async def finish(opened: OpenObject) -> StoredObject:
            async with limit:
                done = await self._reached("object store", opened.writer.finish)
            return StoredObject(
                opened.day,
                opened.kind,
                opened.key,
                opened.rows,
                done.bytes,
                done.sha256,
                done.etag,
            )

        async with seal.writing:
            return tuple(await asyncio.gather(*map(finish, seal.objects.values())))

    async def _marked(self, seal: OpenSeal, lane: Lane) -> tuple[Lane, int]:
        marks = seal.marks.get(lane)
        if marks is None:
            return lane, -1
        return lane, await self._changelog.append(lane, marks, seal.spans[lane].first)

    def _entry(
        self, seal: OpenSeal, stored: tuple[StoredObject, ...], changelog: dict[Lane, int]
    ) -> Seal:
        return Seal(
            id=seal.id,
            event=seal.kind.name,
            version=seal.kind.version,
            worker=self._author.worker,
            sealed_at=datetime.now(UTC),
            config_sha=self._author.config_sha,
            ranges=tuple(
                Range(lane.tp, span.first, span.next, span.records, changelog[lane])
                for lane, span in seal.spans.items()
            ),
            objects=stored,
            days={day: tally.counts() for day, tally in sorted(seal.days.items())},
            dead_by_reason=dict(seal.reasons),
        )

    async def _record(self, seal: OpenSeal, entry: Seal) -> None:
        seal.refuse_stale()  # before each try: a ledger may be away for longer than a day
        await self._ledger.record(entry)


async def _abort(seal: OpenSeal) -> None:
    await asyncio.gather(*(opened.writer.abort() for opened in seal.objects.values()))
