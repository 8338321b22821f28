"""Pages of other origins that may send: what a browser asks first, and what each answer says."""

import re

from aiohttp import hdrs, web

METHODS = "GET, POST"
HEADERS = "Authorization, Content-Encoding, Content-Type, Traceparent, X-Api-Key, X-Request-Id"
EXPOSED = "Retry-After, X-Request-Id"
REMEMBERED_SECONDS = 600

_origin = re.compile(rb"\r\norigin:[ \t]*([^\r\n]*?)[ \t]*\r\n", re.IGNORECASE)


class Cors:
    """Allows the origins of a comma-separated list; `*` allows all."""

    def __init__(self, origins: str) -> None:
        self._origins = frozenset(one.strip() for one in origins.split(",") if one.strip())

    def headers(self, origin: str | None) -> dict[str, str]:
        """What an answer to a page of this origin says; empty: the browser keeps it from it."""
        if "*" in self._origins:
            return {
                hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: "*",
                hdrs.ACCESS_CONTROL_EXPOSE_HEADERS: EXPOSED,
            }
        if origin is None or origin not in self._origins:
            return {hdrs.VARY: hdrs.ORIGIN}
        return {
            hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: origin,
            hdrs.ACCESS_CONTROL_EXPOSE_HEADERS: EXPOSED,
            hdrs.VARY: hdrs.ORIGIN,
        }

    def headers_for(self, head: bytes) -> dict[str, str]:
        """The same for a request that is not parsed."""
        found = _origin.search(head)
        return self.headers(found[1].decode("latin-1") if found else None)

    def preflight(self, request: web.Request) -> web.Response | None:
        """The answer to what a browser asks before it sends a page's request, which it asks
        without a key. None: this is no such question, or not from one that may send."""
        if request.method != hdrs.METH_OPTIONS:
            return None
        if hdrs.ACCESS_CONTROL_REQUEST_METHOD not in request.headers:
            return None
        allowed = self.headers(request.headers.get(hdrs.ORIGIN))
        if hdrs.ACCESS_CONTROL_ALLOW_ORIGIN not in allowed:
            return None
        return web.Response(
            status=204,
            headers={
                hdrs.ACCESS_CONTROL_ALLOW_METHODS: METHODS,
                hdrs.ACCESS_CONTROL_ALLOW_HEADERS: HEADERS,
                hdrs.ACCESS_CONTROL_MAX_AGE: str(REMEMBERED_SECONDS),
            },
        )
