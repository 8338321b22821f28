"""A network with faults before an S3 server, and what its requests look like there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from sinks.s3.options import S3Options
from tests.house.proxy import Answer, Matches, Proxy, http

ALWAYS = 1_000_000
TRIES = 3
"""How often the S3 client asks before it gives up and we hear of it."""


@asynccontextmanager
async def far_away(options: S3Options) -> AsyncIterator[tuple[S3Options, Proxy]]:
    """The same bucket behind a proxy."""
    port = urlsplit(options.endpoint_url).port
    assert port is not None
    async with Proxy(port).running() as proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        yield options.model_copy(update={"endpoint_url": url}), proxy


def part(number: int) -> Matches:
    """Match the upload of a part by its number."""
    return lambda chunk: http("PUT", f"partNumber={number}&")(_with_end(chunk))


def makes_visible(chunk: bytes) -> bool:
    """Match what makes an object visible: a PUT of one, or the completion of an upload."""
    put, post = http("PUT")(chunk), http("POST")(chunk)
    return (put or post) and b"partNumber" not in chunk.split(b"\r\n", 1)[0]


def completes(chunk: bytes) -> bool:
    """Match the completion of an upload."""
    return http("POST", "uploadId=")(chunk)


def error_in_a_200(code: str) -> Answer:
    """S3 has said 200 before it knew, and an error is all that follows."""
    body = f"<Error><Code>{code}</Code><Message>As the test wants it.</Message></Error>"
    return Answer(
        f"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
    )


def _with_end(chunk: bytes) -> bytes:
    """The parameter may be the last one."""
    target, _, rest = chunk.partition(b" HTTP/")
    return target + b"& HTTP/" + rest
