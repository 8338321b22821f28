"""A network in front of Kafka that knows one request from the next, and whose answer is whose."""

import asyncio
import random
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from io import BytesIO
from typing import Any

from aiokafka.errors import BrokerResponseError
from aiokafka.protocol import commit, coordination, fetch, group, produce
from aiokafka.protocol.api import Request, RequestHeader_v1, RequestHeader_v2, RequestStruct

from tests.house.proxy import Action, Answer, Connection, Cut, LoseAnswer, Matches, Proxy, Stall

SIZE = struct.Struct(">i")
MODULES = (commit, coordination, fetch, group, produce)
WRITTEN = {
    (version.API_KEY, version.API_VERSION): version
    for module in MODULES
    for made in vars(module).values()
    if isinstance(made, type) and issubclass(made, Request) and made is not Request
    for version in made._CLASSES  # type: ignore[attr-defined]
}
"""How the requests of some kinds are written, by API key and version."""


Error = type[BrokerResponseError]


class Api(IntEnum):
    """What a request wants; the number that it begins with."""

    PRODUCE = 0
    FETCH = 1
    METADATA = 3
    OFFSET_COMMIT = 8
    FIND_COORDINATOR = 10
    JOIN_GROUP = 11
    HEARTBEAT = 12
    SYNC_GROUP = 14


def asks(api: Api, containing: str = "") -> Matches:
    """Match a request by its kind and by a name in it: a topic's, or a group's."""

    def matches(request: bytes) -> bool:
        return request[4:6] == api.to_bytes(2, "big") and containing.encode() in request

    return matches


@dataclass(frozen=True, slots=True)
class Refuse(Action):
    """Kafka never sees this Produce request; the answer is this error for each partition."""

    error: Error


@dataclass(frozen=True, slots=True)
class Spoil(Action):
    """Kafka does what was asked; `change` is then done to the fields of its answer."""

    change: Callable[[Any], None]


def produce_error(error: Error) -> Callable[[Any], None]:
    """For `Spoil`: an answer to Produce says this of every partition."""

    def change(answer: Any) -> None:
        answer.topics = [
            (topic, [(partition, error.errno, *rest) for partition, _, *rest in partitions])
            for topic, partitions in answer.topics
        ]

    return change


def fetch_error(error: Error) -> Callable[[Any], None]:
    """For `Spoil`: an answer to Fetch says this of every partition, and brings no records."""

    def change(answer: Any) -> None:
        answer.topics = [
            (topic, [(partition, error.errno, *rest, b"") for partition, _, *rest, _ in partitions])
            for topic, partitions in answer.topics
        ]

    return change


def commit_error(error: Error) -> Callable[[Any], None]:
    """For `Spoil`: an answer to OffsetCommit says this of every partition."""

    def change(answer: Any) -> None:
        answer.topics = [
            (topic, [(partition, error.errno) for partition, _ in partitions])
            for topic, partitions in answer.topics
        ]

    return change


def group_error(error: Error) -> Callable[[Any], None]:
    """For `Spoil`: an answer to Heartbeat says this."""

    def change(answer: Any) -> None:
        answer.error_code = error.errno

    return change


class KafkaNetwork(Proxy):
    """As any other, but rules are about single requests, wherever their bytes are cut into chunks.

    `Refuse` and `Spoil` are actions, too; `delay_seconds` is that of each request and answer.
    """

    def connection(
        self,
        task: "asyncio.Task[None]",
        client: asyncio.StreamReader,
        to_client: asyncio.StreamWriter,
    ) -> "KafkaConnection":
        return KafkaConnection(self, task, client, to_client)

    async def cut_again_and_again(self, times: int) -> None:
        """Kill every connection, so many times, at random moments."""
        chance = random.Random(4)
        for _ in range(times):
            await asyncio.sleep(chance.uniform(0.2, 1))
            self.cut()


class KafkaConnection(Connection):
    """Kafka answers the requests of a connection in their order."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._asked: deque[tuple[bytes, Action | None]] = deque()
        self._all_answered = asyncio.Event()
        self._all_answered.set()

    async def _there(self) -> None:
        assert self._to_server is not None
        while True:
            request = await _frame(self._client)
            await self._proxy.pause()
            rule = self._proxy.matching(request)
            action = rule.action if rule else None
            match action:
                case Cut(after_bytes):
                    self._to_server.write(request[:after_bytes])
                    await self._to_server.drain()
                    return
                case Stall():
                    await self._swallow()
                    return
                case Answer(text):
                    await self._tell(text)
                    return
                case Refuse(error):
                    await self._all_answered.wait()
                    self._to_client.write(_refused(request, error))
                    await self._to_client.drain()
                    continue
            self._asked.append((request, action))
            self._all_answered.clear()
            self._to_server.write(request)
            await self._to_server.drain()

    async def _back(self, server: asyncio.StreamReader) -> None:
        while True:
            answer = await _frame(server)
            await self._proxy.pause()
            request, action = self._asked.popleft()
            if not self._asked:
                self._all_answered.set()
            match action:
                case LoseAnswer(after_bytes):
                    self._to_client.write(answer[:after_bytes])
                    await self._to_client.drain()
                    await asyncio.sleep(0.05)  # an abort discards what was not sent yet
                    return
                case Spoil(change):
                    answer = _changed(request, answer, change)
            self._to_client.write(answer)
            await self._to_client.drain()


async def _frame(reader: asyncio.StreamReader) -> bytes:
    """A whole message, its size first; raises `EOFError` at the end."""
    size = await reader.readexactly(SIZE.size)
    return size + await reader.readexactly(*SIZE.unpack(size))


def _framed(text: bytes) -> bytes:
    return SIZE.pack(len(text)) + text


def _read(request: bytes) -> tuple[int, type[RequestStruct], BytesIO]:
    """Its correlation id, how it is written, and its body."""
    key, version, correlation = struct.unpack_from(">hhi", request, SIZE.size)
    written = WRITTEN[key, version]
    text = BytesIO(request[SIZE.size :])
    (RequestHeader_v2 if written.FLEXIBLE_VERSION else RequestHeader_v1).SCHEMA.decode(text)
    return correlation, written, text


def _refused(request: bytes, error: Error) -> bytes:
    correlation, written, text = _read(request)
    topics: list[Any] = [
        (topic, [(partition, error.errno, -1, -1, -1) for partition, _ in partitions])
        for topic, partitions in written.decode(text).topics
    ]
    answer = written.RESPONSE_TYPE(topics=topics, throttle_time_ms=0)
    return _framed(SIZE.pack(correlation) + answer.encode())


def _changed(request: bytes, answer: bytes, change: Callable[[Any], None]) -> bytes:
    _, written, _ = _read(request)
    text = BytesIO(answer[SIZE.size :])
    written.parse_response_header(written, text)
    header = answer[SIZE.size : SIZE.size + text.tell()]
    fields = written.RESPONSE_TYPE.decode(text)
    change(fields)
    return _framed(header + fields.encode())
