"""What can be told from a request's first bytes, before any of it is parsed."""

import re
from typing import NamedTuple

POST = b"POST /v1/"
_length = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n")
_unclear = re.compile(rb"transfer-encoding|expect|upgrade|http/1\.0|\r\nconnection:[^\r]*close")


class Head(NamedTuple):
    """The type in the path, and the bytes of head and body; None when these are not certain."""

    type: str
    size: int | None


def head_of(data: bytes) -> Head:
    """Read as little as will do. Whoever drops a request relies on `size`: where two readers could
    disagree on its end, there is none, or the next request could be hidden in this one."""
    type = data[len(POST) : data.find(b" ", len(POST))].rpartition(b"/")[2].decode("latin-1")
    end = data.find(b"\r\n\r\n")
    head = data[: end + 2].lower()
    lengths = _length.findall(head)
    if end < 0 or len(lengths) != 1 or head.count(b"content-length") != 1 or _unclear.search(head):
        return Head(type, None)
    return Head(type, end + 4 + int(lengths[0]))
