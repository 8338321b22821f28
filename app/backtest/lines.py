"""Recorded traffic from a file: events a line, the gateway's envelopes, or dead letters."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from app.backtest.trial import Recorded
from app.core.errors import Fatal
from app.letters.letter import Letter, read_letter


class _Envelope(msgspec.Struct):
    """What the gateway takes: the event keeps the bytes it was written with."""

    type: str
    data: msgspec.Raw


_envelope = msgspec.json.Decoder(_Envelope).decode


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
        letter = read_letter(line)
        return _event_in(line, place) if letter is None else from_letter(letter)
    except msgspec.MsgspecError:
        raise Fatal(
            f'{place}: a line is {{"type": "…", "data": {{…}}}} or a dead letter; are these events '
            "of one type? Then say --event"
        ) from None


def _event_in(line: bytes, place: str) -> Recorded:
    envelope = _envelope(line)
    return Recorded(envelope.type, bytes(envelope.data), None, place)


def from_letter(letter: Letter) -> Recorded:
    """The event that a dead letter holds."""
    return Recorded(letter.event, letter.raw, letter.received_at, str(letter.name))
