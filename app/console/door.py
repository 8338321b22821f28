"""The door before what acts: a token, a signed cookie for one shift, and no other site's forms.

The cookie holds no secret: when it ends, a random word, and a signature by a key made of the token.
So there is nothing to keep, each scheduler takes what another one gave, and a new token ends all.
"""

import hashlib
import hmac
import secrets
import time
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import SecretStr

COOKIE = "forebay_console"
HOURS = 12


class Door:
    """Without a token it never opens."""

    def __init__(self, token: SecretStr) -> None:
        text = token.get_secret_value().encode()
        self._key = hashlib.sha256(b"forebay console\0" + text).digest() if text else None

    @property
    def exists(self) -> bool:
        return self._key is not None

    def opens(self, given: str) -> bool:
        """Whether this is the token; takes as long for any other of its length."""
        key = hashlib.sha256(b"forebay console\0" + given.encode()).digest()
        return self._key is not None and hmac.compare_digest(key, self._key)

    def ticket(self, now: float | None = None) -> str:
        """A new cookie."""
        ends = int((time.time() if now is None else now) + HOURS * 3_600)
        said = f"{ends}.{secrets.token_urlsafe(12)}"
        return f"{said}.{self._signed(said)}"

    def lets_in(self, request: web.Request) -> bool:
        """Whether the request has a cookie of ours that has not ended."""
        said, _, signature = request.cookies.get(COOKIE, "").rpartition(".")
        if self._key is None or not _same(signature, self._signed(said)):
            return False
        ends = said.partition(".")[0]
        return ends.isdecimal() and int(ends) > time.time()

    def stamp(self, request: web.Request) -> str:
        """What a form must bring along: only a page that was made for this cookie has it."""
        return self._signed("form " + request.cookies.get(COOKIE, "")) if self.exists else ""

    def stamped(self, request: web.Request, given: str) -> bool:
        return self.exists and _same(given, self.stamp(request))

    def _signed(self, text: str) -> str:
        assert self._key is not None
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


def _same(one: str, other: str) -> bool:
    """In a time that tells nothing of where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def is_own(request: web.Request) -> bool:
    """Whether a form was sent by a page of ours. Each browser says where it comes from; who says
    nothing is none, or is made to keep quiet."""
    if (site := request.headers.get("Sec-Fetch-Site")) is not None:
        return site == "same-origin"
    origin = request.headers.get("Origin", "")
    return bool(origin) and urlsplit(origin).netloc == request.host
