"""Recorded traffic from a file: events a line, the gateway's envelopes, or dead letters."""

from base64 import b64decode
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from app.backtest.trial import Recorded
from app.core.errors import Fatal


class _Envelope(msgspec.Struct):
    """What the gateway takes: the event keeps the bytes it was written with."""

    type: str
    data: msgspec.Raw


class _DeadLetter(msgspec.Struct):
    """What a worker keeps of a bad event."""

    event: str
    received_at: datetime
    topic: str
    partition: int
    offset: int
    value: str | None


_envelope = msgspec.json.Decoder(_Envelope).decode
_dead_letter = msgspec.json.Decoder(_DeadLetter).decode


def recorded_lines(path: Path, event: str | None) -> Iterator[Recorded]:
    """Read an NDJSON file; with `event` each line is one event of that type.

    Raises:
        Fatal: the file can not be read, or a line is neither envelope nor dead letter.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if text := line.strip():
                    yield _recorded(text, f"{path.name}:{number}", event)
    except OSError as error:
        raise Fatal(f"{path}: {error.strerror}") from error


def _recorded(line: bytes, place: str, event: str | None) -> Recorded:
    if event is not None:
        return Recorded(event, line, None, place)
    try:
        letter = dead_letter(line)
        return letter if letter is not None else _event_in(line, place)
    except msgspec.MsgspecError:
        raise Fatal(
            f'{place}: a line is {{"type": "…", "data": {{…}}}} or a dead letter; are these events '
            "of one type? Then say --event"
        ) from None


def _event_in(line: bytes, place: str) -> Recorded:
    envelope = _envelope(line)
    return Recorded(envelope.type, bytes(envelope.data), None, place)


def dead_letter(line: bytes) -> Recorded | None:
    """Read the record that a dead letter holds; None when the line is none."""
    try:
        letter = _dead_letter(line)
    except msgspec.MsgspecError:
        return None
    value = b"" if letter.value is None else b64decode(letter.value)
    place = f"{letter.topic}/{letter.partition}@{letter.offset}"
    return Recorded(letter.event, value, letter.received_at, place)
