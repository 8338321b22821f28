"""A network between a role and a server, and what networks do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

CHUNK_BYTES = 64 << 10
Matches = Callable[[bytes], bool]


class Action:
    """What happens to a request."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Cut(Action):
    """The connection dies when so many bytes of the request were passed on."""

    after_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Stall(Action):
    """The request is swallowed, and the connection stays open and silent."""


@dataclass(frozen=True, slots=True)
class LoseAnswer(Action):
    """The request arrives, and the connection dies after so many bytes of the answer."""

    after_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Answer(Action):
    """The server never sees the request: this is what the client is told, then a close."""

    text: bytes


@dataclass(slots=True)
class Rule:
    """What happens to the next `left` requests that match; `hits` counts them.

    A request is what a client sends in one go after an answer; `matches` is given its first
    chunk (up to 64 KB).
    """

    matches: Matches
    action: Action
    left: int
    hits: int = 0


def http(method: str = "", containing: str = "") -> Matches:
    """Match an HTTP request by its method and a part of its target."""

    def matches(chunk: bytes) -> bool:
        words = chunk.split(b"\r\n", 1)[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/"):
            return False
        return words[0].startswith(method.encode()) and containing.encode() in words[1]

    return matches


def http_answer(status: int, code: str, retry_after: str = "") -> Answer:
    """An error as S3 words it, `code` being S3's own (SlowDown, InternalError, …)."""
    body = f"<Error><Code>{code}</Code><Message>As the test wants it.</Message></Error>"
    more = f"Retry-After: {retry_after}\r\n" if retry_after else ""
    return Answer(
        f"HTTP/1.1 {status} {code}\r\nContent-Type: application/xml\r\nConnection: close\r\n"
        f"{more}Content-Length: {len(body)}\r\n\r\n{body}".encode()
    )


class Proxy:
    """A TCP proxy in front of a server on 127.0.0.1.

    * `down`: no new connection gets through; set it with `take_down`, which also cuts the others
    * `stalled`: connections stay, and nothing moves on them
    * `delay_seconds`: each chunk waits so long, either way
    * `rules`: what happens to single requests
    """

    def __init__(self, upstream_port: int, port: int = 0) -> None:
        self.port = port
        self.down = False
        self.delay_seconds = 0.0
        self.rules: list[Rule] = []
        self._upstream_port = upstream_port
        self._moving = asyncio.Event()
        self._moving.set()
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()
        self._errors: list[Exception] = []

    @property
    def connections(self) -> int:
        return len(self._connections)

    @property
    def stalled(self) -> bool:
        return not self._moving.is_set()

    @stalled.setter
    def stalled(self, value: bool) -> None:
        if value:
            self._moving.clear()
        else:
            self._moving.set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Raises what broke the proxy itself, if anything did."""
        if self._server is not None:
            self._server.close()
        tasks = [connection.task for connection in self._connections]
        self.cut()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._errors:
            raise self._errors[0]

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Proxy"]:
        await self.start()
        try:
            yield self
        finally:
            await self.stop()

    def cut(self) -> int:
        """Kill every connection now, in mid-sentence; new ones are welcome. Returns how many."""
        count = len(self._connections)
        for connection in self._connections:
            connection.abort()
        return count

    def take_down(self) -> None:
        self.down = True
        self.cut()

    def heal(self) -> None:
        """End every fault."""
        self.down = False
        self.stalled = False
        self.delay_seconds = 0.0
        self.rules.clear()

    def rule(self, matches: Matches, action: Action, times: int = 1) -> Rule:
        """Do `action` to the next `times` requests that match."""
        rule = Rule(matches, action, times)
        self.rules.append(rule)
        return rule

    def matching(self, request: bytes) -> Rule | None:
        for rule in self.rules:
            if rule.left and rule.matches(request):
                rule.left -= 1
                rule.hits += 1
                return rule
        return None

    def connection(
        self,
        task: "asyncio.Task[None]",
        client: asyncio.StreamReader,
        to_client: asyncio.StreamWriter,
    ) -> "Connection":
        """For one client; a proxy that knows its server's protocol has its own kind."""
        return Connection(self, task, client, to_client)

    async def pause(self) -> None:
        """What each chunk waits for."""
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        await self._moving.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.down:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        connection = self.connection(task, reader, writer)
        self._connections.add(connection)
        try:
            with suppress(OSError, asyncio.CancelledError):
                await connection.run(self._upstream_port)
        except Exception as error:
            self._errors.append(error)
        finally:
            connection.abort()
            self._connections.discard(connection)


class Connection:
    """One client's connection and ours to the server, for it."""

    def __init__(
        self,
        proxy: Proxy,
        task: "asyncio.Task[None]",
        client: asyncio.StreamReader,
        to_client: asyncio.StreamWriter,
    ) -> None:
        self.task = task
        self._proxy, self._client, self._to_client = proxy, client, to_client
        self._to_server: asyncio.StreamWriter | None = None
        self._answered = True
        self._lose_after: int | None = None

    def abort(self) -> None:
        self._to_client.transport.abort()
        if self._to_server is not None:
            self._to_server.transport.abort()

    async def run(self, upstream_port: int) -> None:
        server, self._to_server = await asyncio.open_connection("127.0.0.1", upstream_port)
        pumps = [asyncio.create_task(self._there()), asyncio.create_task(self._back(server))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            ends = await asyncio.gather(*pumps, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception) and not isinstance(end, OSError | EOFError):
                raise end

    async def _there(self) -> None:
        assert self._to_server is not None
        while chunk := await self._client.read(CHUNK_BYTES):
            await self._proxy.pause()
            rule = self._proxy.matching(chunk) if self._answered else None
            self._answered = False
            match rule.action if rule else None:
                case Cut(after_bytes):
                    self._to_server.write(chunk[:after_bytes])
                    await self._to_server.drain()
                    return
                case Stall():
                    await self._swallow()
                    return
                case Answer(text):
                    await self._tell(text)
                    return
                case LoseAnswer(after_bytes):
                    self._lose_after = after_bytes
            self._to_server.write(chunk)
            await self._to_server.drain()

    async def _back(self, server: asyncio.StreamReader) -> None:
        while chunk := await server.read(CHUNK_BYTES):
            await self._proxy.pause()
            self._answered = True
            if self._lose_after is not None:
                self._to_client.write(chunk[: self._lose_after])
                await self._to_client.drain()
                self._lose_after -= len(chunk)
                if self._lose_after <= 0:
                    await asyncio.sleep(0.05)  # an abort discards what was not sent yet
                    return
                continue
            self._to_client.write(chunk)
            await self._to_client.drain()

    async def _tell(self, text: bytes) -> None:
        self._to_client.write(text)
        await self._to_client.drain()
        self._to_client.write_eof()
        with suppress(TimeoutError):  # a client resets us if we do not hear it out
            async with asyncio.timeout(2):
                await self._swallow()

    async def _swallow(self) -> None:
        while await self._client.read(CHUNK_BYTES):
            pass
