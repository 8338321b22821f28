"""One dead letter, whole: masked, or in clear for who asks for it."""

from typing import Any

import orjson

from app.contracts.model import Contract
from app.core.disposal import Disposal
from app.core.errors import Fatal
from app.core.headers import RECEIVED_AT, REJECTED, REPLAY_OF
from app.ledger.protocol import Ledger
from app.letters.letter import Letter, Name, decoded
from app.letters.masked import (
    known_names,
    masked_event,
    shape,
    told_name,
    told_place,
)
from app.letters.stored import Wanted, stored_letters
from sinks.protocol import ObjectStore

OURS = frozenset({RECEIVED_AT, REJECTED, REPLAY_OF})
"""Headers that Forebay writes: there is nothing of anybody in them."""

HIDDEN = "(not shown, for it repeats a name that may be a value; --clear shows it)"


async def find_letter(
    ledger: Ledger, objects: ObjectStore, event: str | None, name: Name
) -> Letter:
    """Look a dead letter up by its name. Raises `Fatal` when there is none."""
    async for letter in stored_letters(ledger, objects, Wanted(event, names={name})):
        return letter
    raise Fatal(
        f"there is no dead letter {name}: the event landed, or is not sealed yet; "
        "`forebay dead-letters list --all` names those there are"
    )


async def disposals_of(ledger: Ledger, letter: Letter) -> list[Disposal]:
    """All that was done about one letter, oldest first."""
    return [
        disposal
        async for disposal in ledger.disposals(letter.event)
        if letter.offset in disposal.letters.get(letter.name.tp, ())
    ]


def masked_letter(letter: Letter, contract: Contract | None) -> dict[str, Any]:
    """All of it as plain values, none of which somebody sent."""
    known = known_names(contract)
    field = told_place(letter.field, known)
    return _told(letter, field, letter.message if field == letter.field else HIDDEN) | {
        "masked": True,
        "key": _shape(letter.key),
        "headers": [
            [told_name(name, OURS), _text(value) if name in OURS else _shape(value)]
            for name, value in letter.headers
        ],
        "value": masked_event(letter.raw, known),
    }


def clear_letter(letter: Letter) -> dict[str, Any]:
    """All of it as it was sent; bytes that are no text have � in their place."""
    return _told(letter, letter.field, letter.message) | {
        "masked": False,
        "key": _text(letter.key),
        "headers": [[name, _text(value)] for name, value in letter.headers],
        "value": _value(letter.raw),
    }


def _told(letter: Letter, field: str | None, message: str) -> dict[str, Any]:
    return {
        "name": str(letter.name),
        "event": letter.event,
        "reason": letter.reason,
        "field": field,
        "message": message,
        "received_at": letter.received_at.isoformat(),
    }


def _value(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw.decode(errors="replace")


def _text(base64: str | None) -> str | None:
    raw = decoded(base64)
    return None if raw is None else raw.decode(errors="replace")


def _shape(base64: str | None) -> str | None:
    text = _text(base64)
    return None if text is None else shape(text)
