"""One request to the gateway, and what its answer means."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import quote

import aiohttp
import orjson
from isal import igzip

from app.core.errors import Fatal, Reason, Transient

Encoding = Literal["gzip", "zstd", "none"]

AGAIN = frozenset({408, 429, 502, 503, 504})
BAD_REQUEST, TOO_LARGE = 400, 413
MAX_WAIT_SECONDS = 60.0
RUN_HEADER = "X-Forebay-Run"
WRONG_ADDRESS = (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, aiohttp.ClientSSLError)


class TryAgain(Transient):
    """The gateway, or the way to it, asks for another try, not before `after` seconds."""

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.after = after


class TooLarge(Exception):
    """The request as a whole is too large; a smaller one may pass."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One result per event, as the gateway wrote them, and its Retry-After in seconds."""

    results: Sequence[Mapping[str, Any]]
    after: float | None


class Gateway:
    """Posts NDJSON to `/v1/events/{type}`, in a declared `run` (empty: in none)."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, type: str, encoding: Encoding, run: str
    ) -> None:
        self._session = session
        self._url = f"{url.rstrip('/')}/v1/events/{quote(type, safe='')}"
        self._pack = PACKERS[encoding]
        self._headers = {"Content-Type": "application/x-ndjson"}
        if encoding != "none":
            self._headers["Content-Encoding"] = encoding
        if run:
            self._headers[RUN_HEADER] = run

    async def post(self, bodies: Sequence[bytes]) -> Answer:
        """Send events (JSON texts without newlines).

        Raises:
            TryAgain: nothing is known of these events; send them again.
            TooLarge: send fewer of them.
            Fatal: the gateway does not take such requests at all.
        """
        packed = self._pack(b"\n".join(bodies))
        try:
            async with self._session.post(self._url, data=packed, headers=self._headers) as answer:
                return _meaning(answer, await answer.read(), len(bodies))
        except WRONG_ADDRESS as error:
            raise Fatal(f"{self._url} is not the address of a gateway: {error!r}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TryAgain(f"{self._url}: {error or type(error).__name__}") from error


def _meaning(answer: aiohttp.ClientResponse, body: bytes, events: int) -> Answer:
    after = _seconds(answer.headers.get("Retry-After"))
    said = _json(body)
    results = said.get("results")
    if isinstance(results, list) and len(results) == events:
        return Answer(results, after)
    if answer.status == BAD_REQUEST and said.get("error") == Reason.NOT_JSON:
        # No line at all is JSON: the gateway answers the request as a whole.
        message = said.get("message", "")
        bad = {"status": "rejected", "reason": Reason.NOT_JSON.value, "message": message}
        return Answer([bad] * events, after)
    if answer.status == TOO_LARGE:
        raise TooLarge
    if answer.status in AGAIN:
        raise TryAgain(f"{answer.url} answered {answer.status}", after)
    text = body[:300].decode(errors="replace")
    raise Fatal(f"{answer.url} answered {answer.status}: {text}")


def _json(body: bytes) -> dict[str, Any]:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}


def _seconds(header: str | None) -> float | None:
    """Read a Retry-After, which is seconds or a date; nobody has to wait longer than a minute."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(max(seconds, 0.0), MAX_WAIT_SECONDS)


def _gzip(text: bytes) -> bytes:
    return igzip.compress(text, 1)


def _zstd(text: bytes) -> bytes:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd

    return zstd.compress(text, 3)


PACKERS: Mapping[Encoding, Callable[[bytes], bytes]] = {
    "gzip": _gzip,
    "zstd": _zstd,
    "none": bytes,
}
