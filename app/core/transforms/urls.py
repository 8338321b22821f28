"""The step that takes a URL apart."""

import re
from typing import Any, Literal

from pydantic import Field

from app.core.transforms.columns import (
    Columns,
    Landing,
    Options,
    Row,
    Source,
    Step,
    derived,
    existing,
    refused,
    sent_as,
)
from app.core.transforms.parts import Prefix, named

# The expression of RFC 3986, appendix B. The standard library's urlsplit keeps the last texts that
# it saw in memory, however long, and what it takes for an error depends on Python's version.
URL = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):)?(?://(?P<authority>[^/?#]*))?"
    r"(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?",
    re.DOTALL,
)
AUTHORITY = re.compile(
    r"(?:[^\s]*@)?(?P<host>\[[0-9A-Fa-f:.]*\]|[^:@\[\]\s]*)(?::(?P<port>[0-9]{0,5}))?"
)


class UrlParts(Options):
    """Add a column for each wanted part of a URL; a part that the URL does not have is null.

    The scheme and the host are put into lower case; the others stay as they were sent, escapes
    and all. A text whose host or port can be none is rejected.
    """

    do: Literal["url_parts"]
    field: Source
    parts: tuple[Literal["scheme", "host", "port", "path", "query", "fragment"], ...] = Field(
        min_length=1, description="A column for each."
    )
    prefix: Prefix = None

    def columns(self, columns: Columns) -> Columns:
        source = existing(columns, self.field, "string")
        names = named(self.field, self.prefix, self.parts, columns)
        added = {
            name: self._column(source, part) for name, part in zip(names, self.parts, strict=True)
        }
        return {**columns, **added}

    def _column(self, source: Landing, part: str) -> Landing:
        about = f"The {part} of the URL in {self.field}."
        kind = "integer" if part == "port" else "string"
        # Lower case may be longer than upper case: «İ».
        length = None if part in ("host", "port") else source.max_length
        return derived([source], kind, about, nullable=True, max_length=length)

    def step(self, columns: Columns) -> Step:
        source, told = self.field, sent_as(columns, self.field)
        names = named(source, self.prefix, self.parts, columns)
        wanted = list(zip(names, self.parts, strict=True))

        def step(row: Row) -> None:
            value = row[source]
            parts = {} if value is None else _split(value)
            if parts is None:
                raise refused(told, "must be a URL, such as https://example.com/a?b=c")
            for name, part in wanted:
                row[name] = parts.get(part)

        return step


def _split(url: str) -> dict[str, Any] | None:
    """Find the parts that are not empty; None if it is no URL."""
    found = URL.fullmatch(url)
    authority = AUTHORITY.fullmatch(found["authority"] or "") if found else None
    if found is None or authority is None:
        return None
    host, port = authority["host"], authority["port"]
    if port and int(port) > 65_535:
        return None
    return {
        "scheme": (found["scheme"] or "").lower() or None,
        "host": host.lower() or None,
        "port": int(port) if port else None,
        "path": found["path"] or None,
        "query": found["query"] or None,
        "fragment": found["fragment"] or None,
    }
