"""Batches to the gateway, a few at a time, each event until it has a final answer."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import aiohttp
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.wait import wait_random_exponential

from app.core.errors import Fatal, Reason
from app.send.gateway import Encoding, Gateway, TooLarge, TryAgain
from app.send.lines import Events, Line, numbered
from app.send.report import RejectedLine, SendReport

BATCH_BYTES = 1 << 20
REQUEST_SECONDS = 60.0
FIRST_WAIT_SECONDS = 0.2

Progress = Callable[[SendReport], None]


class _OutOfPatience(Exception):
    """Nothing was settled for too long."""


async def send(
    events: Events,
    *,
    type: str,
    gateway_url: str,
    batch: int = 500,
    concurrency: int = 4,
    encoding: Encoding = "gzip",
    patience_seconds: float = 120.0,
    max_wait_seconds: float = 10.0,
    key: str = "",
    run: str = "",
    progress: Progress | None = None,
) -> SendReport:
    """Send events of one type, and send again what the gateway says to send again.

    A batch is `batch` events or 1 MiB of them; `concurrency` are on their way at a time, so
    events may overtake each other. Memory is bounded by that, however many events there are.
    Between two tries of a batch it waits, at random, up to `max_wait_seconds`, or as long as the
    gateway asks for. When no event got a final answer for `patience_seconds`, it gives up, and the
    report says so. `key` is shown to the gateway; empty: it asks for none. `run` is the declared
    run that the events are of; empty: the type's days are not sent in runs.

    Raises:
        Fatal: the gateway does not take such requests: a wrong address, an unknown type, a run
            that is not open.
    """
    report = SendReport(type)
    started = time.monotonic()
    # Waiting for an answer has its limit in `_Sender`; a pool wider than `concurrency` is no use.
    connector = aiohttp.TCPConnector(limit=concurrency)
    timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
    shown = {"Authorization": f"Bearer {key}"} if key else {}
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, headers=shown
    ) as session:
        gateway = Gateway(session, gateway_url, type, encoding, run)
        sender = _Sender(gateway, report, patience_seconds, max_wait_seconds, progress)
        await sender.run(_batches(numbered(events), report, batch), concurrency)
    report.seconds = time.monotonic() - started
    return report


async def _batches(
    lines: AsyncIterator[Line], report: SendReport, most: int
) -> AsyncIterator[list[Line]]:
    batch: list[Line] = []
    size = 0
    async for line in lines:
        if line.problem is not None:
            report.reject("unreadable", RejectedLine(line.number, None, line.problem))
            continue
        if batch and (len(batch) == most or size + len(line.body) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line.body) + 1
    if batch:
        yield batch


class _Sender:
    def __init__(
        self,
        gateway: Gateway,
        report: SendReport,
        patience: float,
        max_wait: float,
        progress: Progress | None,
    ) -> None:
        self._gateway, self._report = gateway, report
        self._backoff = wait_random_exponential(multiplier=FIRST_WAIT_SECONDS, max=max_wait)
        self._patience, self._progress = patience, progress
        self._open: set[int] = set()
        self._settled_at = time.monotonic()

    async def run(self, batches: AsyncIterator[list[Line]], concurrency: int) -> None:
        queue: asyncio.Queue[list[Line] | None] = asyncio.Queue(maxsize=1)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(concurrency):
                    group.create_task(self._work(queue))
                async for batch in batches:
                    self._open.add(batch[0].number)
                    await queue.put(batch)
                for _ in range(concurrency):
                    await queue.put(None)
        except* _OutOfPatience as group_error:
            self._report.gave_up = str(group_error.exceptions[0])
            self._report.resume_line = min(self._open)
        except* Exception as group_error:
            raise group_error.exceptions[0] from None

    async def _work(self, queue: "asyncio.Queue[list[Line] | None]") -> None:
        while (batch := await queue.get()) is not None:
            self._report.sent += len(batch)
            self._report.bytes += sum(len(line.body) for line in batch)
            await self._deliver(batch)
            self._open.discard(batch[0].number)

    async def _deliver(self, batch: Sequence[Line]) -> None:
        """Return once each event has its final answer."""
        left = batch
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(TryAgain),
            wait=self._wait,
            stop=self._out_of_patience,
            retry_error_callback=_give_up,
        )
        async for turn in retrying:
            if turn.retry_state.attempt_number > 1:
                self._report.retried += len(left)
            with turn:
                left, why = await self._post(left)
                if left:
                    raise why

    async def _post(self, lines: Sequence[Line]) -> tuple[list[Line], TryAgain]:
        """Send once; return what is to be sent again, and the reason."""
        try:
            answer = await self._gateway.post([line.body for line in lines])
        except TooLarge:
            return await self._post_in_halves(lines)
        again = []
        message = ""
        for line, result in zip(lines, answer.results, strict=True):
            match result.get("status"):
                case "accepted":
                    self._report.accept(result.get("warnings", ()))
                case "rejected":
                    if result.get("reason") == Reason.UNKNOWN_EVENT:
                        raise Fatal(f"--type {self._report.type}: {result.get('message')}")
                    self._reject(line, str(result.get("reason")), result)
                case _:
                    again.append(line)
                    message = str(result.get("message", "no reason given"))
        if len(again) < len(lines):
            self._note_progress()
        return again, TryAgain(f"the gateway says to retry: {message}", answer.after)

    async def _post_in_halves(self, lines: Sequence[Line]) -> tuple[list[Line], TryAgain]:
        if len(lines) == 1:
            self._reject(lines[0], Reason.TOO_LARGE, {"message": "larger than a request may be"})
            self._note_progress()
            return [], TryAgain("")
        middle = len(lines) // 2
        left, why = await self._try(lines[:middle])
        right, other = await self._try(lines[middle:])
        return left + right, why if left else other

    async def _try(self, lines: Sequence[Line]) -> tuple[list[Line], TryAgain]:
        try:
            return await self._post(lines)
        except TryAgain as why:
            return list(lines), why

    def _reject(self, line: Line, reason: str, result: Mapping[str, Any]) -> None:
        said = RejectedLine(line.number, result.get("field"), str(result.get("message", "")))
        self._report.reject(reason, said, kept=result.get("kept") is True)

    def _note_progress(self) -> None:
        self._settled_at = time.monotonic()
        if self._progress is not None:
            self._progress(self._report)

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.after if isinstance(error, TryAgain) and error.after is not None else 0.0
        return max(asked, self._backoff(state))

    def _out_of_patience(self, state: RetryCallState) -> bool:
        since = max(self._settled_at, state.start_time)
        return time.monotonic() + state.upcoming_sleep - since > self._patience


def _give_up(state: RetryCallState) -> None:
    why = state.outcome.exception() if state.outcome else None
    raise _OutOfPatience(f"nothing was settled for too long: {why}") from why
