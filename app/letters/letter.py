"""One dead letter, as a worker keeps it, and its name: where it was in Kafka."""

import re
from base64 import b64decode
from binascii import Error as NoBase64
from datetime import datetime
from typing import NamedTuple, Self

import msgspec

from app.core.seal import partition_name


class Name(NamedTuple):
    """What a dead letter is called, `events.order_placed.v1/3@1200`: its log, and its offset."""

    tp: str
    offset: int

    def __str__(self) -> str:
        return f"{self.tp}@{self.offset}"

    @classmethod
    def of(cls, text: str) -> Self:
        """Read a name. Raises `ValueError` for what is none."""
        found = re.fullmatch(r"(\S+/[0-9]+)@([0-9]{1,18})", text, re.ASCII)
        if found is None:
            raise ValueError(f"«{text}» names no dead letter: events.order_placed.v1/3@1200 does")
        return cls(found[1], int(found[2]))


class Letter(msgspec.Struct, frozen=True):
    """A line of an object of dead letters; bytes are base64 in it, None where there were none.

    `field` is what a sender called it; `received_at` is the time by which it was judged.
    """

    event: str
    received_at: datetime
    topic: str
    partition: int
    offset: int
    value: str | None
    reason: str = ""
    field: str | None = None
    message: str = ""
    key: str | None = None
    headers: tuple[tuple[str, str | None], ...] = ()

    @property
    def name(self) -> Name:
        return Name(partition_name(self.topic, self.partition), self.offset)

    @property
    def raw(self) -> bytes:
        """The event as it was sent; empty when the record had no value."""
        return decoded(self.value) or b""


_decode = msgspec.json.Decoder(Letter).decode


def read_letter(line: bytes) -> Letter | None:
    """Read a line; None when it is no dead letter."""
    try:
        letter = _decode(line)
        decoded(letter.value)
    except (msgspec.MsgspecError, NoBase64):
        return None
    return letter


def decoded(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text, validate=True)
