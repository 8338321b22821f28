"""What can be told from a request's first bytes, before any of it is parsed."""

import re
from functools import lru_cache
from typing import NamedTuple

POST = b"POST /v1/"
KNOWN, KNOWN_BYTES = 500, 2_000
"""Heads to remember, none larger: 1 MB at most."""

_length = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n")
_bearer = re.compile(rb"\r\nauthorization:[ \t]*bearer[ \t]+(\S+)[ \t]*\r\n", re.IGNORECASE)
_api_key = re.compile(rb"\r\nx-api-key:[ \t]*(\S+)[ \t]*\r\n", re.IGNORECASE)
_unclear = re.compile(rb"transfer-encoding|expect|upgrade|http/1\.0|\r\nconnection:[^\r]*close")


class Head(NamedTuple):
    """The type in the path; the bytes of head and body, None when these are not certain; the key
    that is brought, empty when there is none, None when the head is not whole yet."""

    type: str
    size: int | None
    key: bytes | None


def head_of(data: bytes) -> Head:
    """Read as little as will do. Whoever drops a request relies on `size`: where two readers could
    disagree on its end, there is none, or the next request could be hidden in this one."""
    end = data.find(b"\r\n\r\n") + 4
    if end < 4:
        return Head(_type(data), None, None)
    head = data[:end]
    return _known(head) if end <= KNOWN_BYTES else _read(head)


def _read(head: bytes) -> Head:
    lower = head.lower()
    lengths = _length.findall(lower)
    certain = len(lengths) == lower.count(b"content-length") == 1 and not _unclear.search(lower)
    key = _bearer.search(head) or _api_key.search(head)
    return Head(
        _type(head),
        len(head) + int(lengths[0]) if certain else None,
        key[1] if key is not None else b"",
    )


def _type(head: bytes) -> str:
    return head[len(POST) : head.find(b" ", len(POST))].rpartition(b"/")[2].decode("latin-1")


_known = lru_cache(KNOWN)(_read)
"""One sender's heads are alike but for the length: looking one up costs a tenth of reading it."""
