"""A proxy that gives an S3 server the faults that a network and a distant server have."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

BODY = b"<Error><Code>NoSuchUpload</Code><Message>There is none.</Message></Error>"
NO_SUCH_UPLOAD = (
    b"HTTP/1.1 404 Not Found\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
)


class S3Proxy:
    """A TCP proxy in front of an S3 server.

    `cut`: no connection gets through. `lose_answers`: a request that makes an object visible
    (a PUT of one, or the completion of an upload) arrives, and its connection dies before the
    answer. `forget_uploads`: the server says NoSuchUpload to every completion, as AWS does some
    time after one.
    """

    def __init__(self, host: str, port: int) -> None:
        self.upstream = (host, port)
        self.cut = False
        self.lose_answers = False
        self.forget_uploads = False
        self.connections: dict[asyncio.Task[None], asyncio.WriteTransport] = {}

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        yield server.sockets[0].getsockname()[1]
        server.close()
        for transport in self.connections.values():
            transport.abort()
        await asyncio.gather(*self.connections)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.connections[task] = writer.transport
        upstream: asyncio.StreamWriter | None = None
        try:
            if not self.cut:
                answers, upstream = await asyncio.open_connection(*self.upstream)
                await self._forward(reader, upstream, answers, writer)
        finally:
            self.connections.pop(task, None)
            writer.transport.abort()
            if upstream is not None:
                upstream.close()

    async def _forward(
        self,
        requests: asyncio.StreamReader,
        upstream: asyncio.StreamWriter,
        answers: asyncio.StreamReader,
        client: asyncio.StreamWriter,
    ) -> None:
        makes_visible = False

        async def there() -> None:
            nonlocal makes_visible
            while (chunk := await requests.read(64 << 10)) and not self.cut:
                if chunk.startswith((b"PUT ", b"POST ", b"GET ", b"HEAD ")):
                    line = chunk.split(b"\r\n", 1)[0]
                    if self.forget_uploads and line.startswith(b"POST") and b"uploadId=" in line:
                        client.write(NO_SUCH_UPLOAD)
                        return
                    makes_visible = line.startswith((b"PUT", b"POST")) and b"partN" not in line
                upstream.write(chunk)
                await upstream.drain()

        async def back() -> None:
            while (chunk := await answers.read(64 << 10)) and not self.cut:
                if self.lose_answers and makes_visible:
                    return
                client.write(chunk)
                await client.drain()

        pumps = [asyncio.create_task(there()), asyncio.create_task(back())]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
