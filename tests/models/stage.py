"""A stage on which processes take their steps when they are told to, a call to a server at a time.

Each call of an actor (a worker, a scheduler) to a server waits at a door. Whoever holds the stage
opens it, and says how the call ends: answered, refused, or done with its answer lost. Time passes
only when nothing else can happen, so no pause is ever waited for and no run depends on the pace
of the machine.
"""

import asyncio
import selectors
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

from app.core.errors import Transient
from tests.models.effort import say

T = TypeVar("T")
LONGEST_PAUSE_SECONDS = 11.0
"""A timer further ahead is somebody's patience: it does not run out while a door is shut."""


class Answer(Enum):
    """How a call ends."""

    GIVEN = "answered"
    REFUSED = "not done: the server can not be reached"
    LOST = "done, and the answer lost"


@dataclass(frozen=True, slots=True)
class Pace:
    """All calls are answered up to the first one of a kind (or the one after, `skip`); that one is
    left waiting, or ends as `trouble` says and all others are answered. Calls that are `slow` are
    answered when nothing else waits."""

    before: str = ""
    trouble: Answer | None = None
    skip: int = 0
    slow: str = ""


SMOOTH = Pace()


@dataclass(eq=False, slots=True)
class Actor:
    """One life of a process. What it starts, and what that starts, belongs to it."""

    name: str
    tasks: "set[asyncio.Task[Any]]" = field(default_factory=set)
    dead: bool = False


@dataclass(eq=False, slots=True)
class Call:
    """A call that waits at its door."""

    actor: Actor
    what: str
    door: "asyncio.Future[Answer]"


_actor: ContextVar[Actor | None] = ContextVar("actor", default=None)


class _Loop(asyncio.SelectorEventLoop):
    """Counts what threads do for it, and has its own time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.under_way = 0
        self.settled: asyncio.Future[None] | None = None
        super().__init__(_Selector(self))

    def time(self) -> float:
        return self.now

    def run_in_executor(self, *args: Any) -> Any:
        future = super().run_in_executor(*args)
        self.under_way += 1
        future.add_done_callback(self._came_back)
        return future

    def _came_back(self, _: object) -> None:
        self.under_way -= 1


class _Selector(selectors.DefaultSelector):  # type: ignore[misc,valid-type]
    """Waits for threads; when there are none, moves the time to the next timer."""

    def __init__(self, loop: _Loop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        loop = self._loop
        if timeout == 0:
            return super().select(0)
        if loop.under_way:
            return super().select(None)
        events = super().select(0)
        if events:
            return events
        if timeout is not None and timeout <= LONGEST_PAUSE_SECONDS:
            loop.now += timeout
        elif loop.settled is not None and not loop.settled.done():
            loop.settled.set_result(None)
        else:
            raise AssertionError("everybody waits for somebody")
        return []


class Stage:
    """Runs actors. Every public method returns when all of them wait, at doors or for work.

    `happened` counts how calls ended.
    """

    def __init__(self) -> None:
        self.loop = _Loop()
        self.loop.set_task_factory(self._task)
        self.waiting: list[Call] = []
        self.happened: Counter[str] = Counter()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run what belongs to nobody: a look at the ledger, say."""
        return self.loop.run_until_complete(work)

    def start(self, actor: Actor, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Let an actor do something, up to its first doors."""
        token = _actor.set(actor)
        try:
            task = self.loop.create_task(work)
        finally:
            _actor.reset(token)
        self.settle()
        return task

    def do(self, actor: Actor, work: Callable[[], None]) -> None:
        """Let an actor do something that is done at once, and what it starts thereby."""

        async def done() -> None:
            work()

        self.start(actor, done())

    def open(self, call: Call, answer: Answer = Answer.GIVEN) -> None:
        """Let one call through."""
        say(f"{call.actor.name}: {call.what} {answer.value}")
        self.happened[f"{call.what} {answer.name}"] += 1
        self.waiting.remove(call)
        call.door.set_result(answer)
        self.settle()

    def go_on(self, actor: Actor, pace: Pace = SMOOTH) -> None:
        """Let an actor do what it is about to, call by call."""
        left = pace.skip
        while mine := [call for call in self.waiting if call.actor is actor]:
            call = next((call for call in mine if call.what != pace.slow), mine[0])
            if call.what != pace.before:
                self.open(call)
            elif left:
                left -= 1
                self.open(call)
            elif pace.trouble is None:
                return
            else:
                self.open(call, pace.trouble)
                pace = Pace(slow=pace.slow)

    def kill(self, actor: Actor) -> None:
        """It takes no further step: what waits at doors is never done."""
        actor.dead = True
        self.waiting = [call for call in self.waiting if call.actor is not actor]
        tasks = [task for task in actor.tasks if not task.done()]
        for task in tasks:
            task.cancel()
        self.settle()
        for task in tasks:
            assert task.done(), task
            if not task.cancelled():
                task.exception()

    def settle(self) -> None:
        """Let everybody go on until all wait."""

        async def settled() -> None:
            self.loop.settled = self.loop.create_future()
            await self.loop.settled

        self.run(settled())

    async def door(self, what: str) -> Answer:
        """Wait until this call may be done, and hear how it ends."""
        actor = _actor.get()
        if actor is None:
            return Answer.GIVEN
        if actor.dead:
            raise asyncio.CancelledError
        call = Call(actor, what, self.loop.create_future())
        self.waiting.append(call)
        try:
            return await call.door
        finally:
            if call in self.waiting:  # given up
                self.waiting.remove(call)

    async def through(self, what: str, work: Callable[[], Awaitable[T]]) -> T:
        """Do a call once its door is opened. Raises `Transient` where the answer says so."""
        answer = await self.door(what)
        if answer is Answer.REFUSED:
            raise Transient(f"{what}: {answer.value}")
        result = await work()
        if answer is Answer.LOST:
            raise Transient(f"{what}: {answer.value}")
        return result

    def close(self) -> None:
        self.loop.under_way += 1  # a thread of its own waits for the others
        self.run(self.loop.shutdown_default_executor())
        self.loop.close()

    def _task(self, loop: Any, work: Any, **more: Any) -> "asyncio.Task[Any]":
        task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **more)
        if (actor := _actor.get()) is not None:
            actor.tasks.add(task)
            task.add_done_callback(actor.tasks.discard)
        return task


class Behind:
    """A server behind doors: these coroutine methods of `inner` wait at one, the others do not."""

    def __init__(self, stage: Stage, what: str, inner: Any, doors: Collection[str]) -> None:
        self._stage, self._what, self._inner, self._doors = stage, what, inner, doors

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if name not in self._doors:
            return method

        def call(*args: Any, **options: Any) -> Awaitable[Any]:
            return self._stage.through(f"{self._what}.{name}", lambda: method(*args, **options))

        return call
