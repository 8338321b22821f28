"""Answers to a whole request, when its events are not answered one by one."""

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

    def response(self) -> web.Response:
        return web.Response(
            status=self.status,
            body=orjson.dumps({"error": self.error, "message": str(self)}),
            content_type="application/json",
            headers=self.headers,
        )
