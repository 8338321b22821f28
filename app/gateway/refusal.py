"""Answers to a whole request, when its events are not answered one by one."""

from collections.abc import Mapping
from http import HTTPStatus

import orjson
from aiohttp import web


class Refusal(Exception):
    """Ends a request with an HTTP status, a word for programs and a sentence for people.

    `after` (seconds) becomes Retry-After: the same request may be sent again then.
    """

    def __init__(
        self, status: int, error: str, message: str, after: int | None = None, **headers: str
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if after is not None:
            self.headers["Retry-After"] = str(after)

    @property
    def body(self) -> bytes:
        return orjson.dumps({"error": self.error, "message": str(self)})

    def response(self) -> web.Response:
        return web.Response(
            status=self.status,
            body=self.body,
            content_type="application/json",
            headers=self.headers,
        )

    def raw(self, headers: Mapping[str, str]) -> bytes:
        """The same as bytes, with these headers too, for where there is no aiohttp yet."""
        body = self.body
        lines = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            "Content-Type: application/json; charset=utf-8",
            f"Content-Length: {len(body)}",
            *(f"{name}: {value}" for name, value in {**self.headers, **headers}.items()),
        ]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
