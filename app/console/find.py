"""Where is my event? A form, and the receipt that answers it.

A key may be somebody's, so it comes in the body of a form: addresses are written into logs and
histories. A place, `events.order_placed.v1/3@17`, is nobody's, and may stand in one.
"""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from difflib import get_close_matches

from app.console.cells import clock
from app.console.data import Data
from app.console.page import Page
from app.contracts.model import Contract
from app.core.errors import Fatal
from app.core.versions import event_of_partition
from app.letters.masked import known_names, told_place
from app.letters.whole import HIDDEN
from app.trace.receipt import Outcome, Position, Receipt

PLACE = re.compile(r"(\S{1,300}/[0-9]{1,9})@([0-9]{1,18})")
MOST_RECORDS = 20_000
SINCE = timedelta(days=2)
MOST_SECONDS = 20.0
MOST_TEXT = 1_000
TONES = {
    Outcome.ROW: "good",
    Outcome.DUPLICATE: "good",
    Outcome.COLLAPSED: "good",
    Outcome.FILTERED: "good",
    Outcome.SEALED: "warn",
    Outcome.UNREAD: "warn",
}
SAID = {
    Outcome.ROW: "It stands in its table",
    Outcome.DUPLICATE: "It is a copy of one that is accounted for",
    Outcome.COLLAPSED: "It is a copy: another one stands",
    Outcome.FILTERED: "It is left out on purpose",
    Outcome.SEALED: "It is sealed, and waits for a load",
    Outcome.UNREAD: "It is in Kafka, and waits for a seal",
    Outcome.DEAD_LETTER: "It is a dead letter",
    Outcome.LOST: "It is lost",
    Outcome.UNKNOWN: "It was not found",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody looks for: an event type and words of its key, or a place."""

    event: str = ""
    words: tuple[str, ...] = ()
    position: Position | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A station on an event's way; `done` when it has been there."""

    name: str
    told: Sequence[str]
    done: bool = True


def asked_of(data: Data, given: Mapping[str, str]) -> Asked:
    """Read a form, or an address with a place."""
    event, text = given.get("event", "").strip(), given.get("q", "")[:MOST_TEXT].strip()
    place = PLACE.fullmatch(given.get("at", "").strip() or text)
    if place is not None:
        position = Position(place[1], int(place[2]))
        return _known(data, event_of_partition(position.tp) or "", (), position)
    words = text.split()
    if not event and words and (words[0] in data.kinds or len(words) > 1):
        event, words = words[0], words[1:]
    if not event and not words:
        return Asked(problem="" if not given.get("at") else "this is no place of a record")
    if not event:
        return Asked(words=tuple(words), problem="choose the type of the event")
    return _known(data, event, tuple(words), None)


def _known(data: Data, event: str, words: tuple[str, ...], position: Position | None) -> Asked:
    if event in data.kinds:
        return Asked(event, words, position)
    near = get_close_matches(event, list(data.kinds), n=1, cutoff=0.55)
    meant = f"; did you mean {near[0]}?" if near else ""
    return Asked(words=words, problem=f"there is no topic file for «{event}»{meant}")


async def find_page(data: Data, asked: Asked) -> Page:
    """The form, with the receipt of what was asked for."""
    receipt, problem = None, asked.problem
    if asked.event and (asked.position is not None or asked.words) and not problem:
        try:
            receipt = await _receipt(data, asked)
        except Fatal as error:  # what was typed is no key of this type
            problem = str(error).replace("--key ", "")
        except TimeoutError:
            problem = (
                f"not found out within {MOST_SECONDS:.0f} s: `forebay trace` takes its time, "
                "and searches further"
            )
    said = {
        "kinds": list(data.kinds.values()),
        "asked": asked,
        "typed": " ".join(asked.words) or (str(asked.position) if asked.position else ""),
        "kind": data.kinds.get(asked.event),
        "problem": problem,
        "receipt": receipt,
        "headline": SAID[receipt.outcome] if receipt else "",
        "tone": TONES.get(receipt.outcome, "bad") if receipt else "",
        "steps": list(steps_of(receipt)) if receipt else [],
    }
    status = 200 if not problem else 422
    return Page("find.html", "Find an event", "find", said, status=status)


async def _receipt(data: Data, asked: Asked) -> Receipt:
    from app.trace.find import Limits, Tracer  # it takes a scheduler a third of a second to import

    stores, contract = data.stores, data.kinds.contract(asked.event)
    tracer = Tracer(
        contract, stores.ledger, stores.objects, stores.warehouse, stores.kafka, stores.pii_key,
        Limits(MOST_RECORDS, SINCE),
    )  # fmt: skip
    async with asyncio.timeout(MOST_SECONDS):
        if asked.position is not None:
            found = await tracer.at(asked.position)
        else:
            found = await tracer.by(tracer.keys.said(asked.words))
    return discreet(found, contract)


def discreet(receipt: Receipt, contract: Contract) -> Receipt:
    """Without any value of the event, and without names of fields that may be values."""
    if receipt.line is not None:
        receipt = replace(receipt, line=replace(receipt.line, values=()))
    letter = receipt.letter
    if letter is None:
        return receipt
    place = told_place(letter.field, known_names(contract))
    if place == letter.field:
        return receipt
    said = receipt.said.replace(letter.message, HIDDEN)
    return replace(receipt, letter=replace(letter, field=place, message=HIDDEN), said=said)


def steps_of(receipt: Receipt) -> Iterator[Step]:
    """The way of an event, from Kafka to its row, as far as it went."""
    place, seal, line, load = receipt.position, receipt.sealed, receipt.line, receipt.load
    if receipt.outcome is Outcome.UNKNOWN and place is None:
        return
    if receipt.received_at is not None:
        yield Step("received", [clock(receipt.received_at)])
    yield Step("Kafka", [str(place)] if place else [], place is not None)
    yield Step("seal", [f"{seal.id}, {clock(seal.sealed_at)}", f"by {seal.worker}"]
               if seal else ["not yet"], seal is not None)  # fmt: skip
    if receipt.letter is not None:
        letter = receipt.letter
        field = f", field {letter.field}" if letter.field else ""
        yield Step("dead letter", [f"{letter.reason}{field}", letter.message])
        return
    if seal is None or receipt.outcome in (Outcome.DUPLICATE, Outcome.FILTERED):
        return
    if line is not None:
        last = f"–{line.number + line.lines - 1}" if line.lines > 1 else ""
        yield Step("object", [line.object, f"line {line.number}{last}"])
    yield Step("load", [f"{load.run}, {clock(load.loaded_at)}"] if load else ["waits for it"],
               load is not None)  # fmt: skip
    if load is not None:
        rows = "1 row" if receipt.rows == 1 else f"{receipt.rows} rows"
        yield Step("row", [f"{rows} in {load.table}, day {load.day}"], receipt.rows > 0)
