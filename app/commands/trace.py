"""`forebay trace`: where is my event?"""

import asyncio
import re
from base64 import b64decode
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from app.commands.context import DATA_DIR, DataDir, opened_parts, settings_here
from app.commands.output import AsJson, console, print_json
from app.core.versions import event_of_partition
from app.settings import Settings
from app.trace.receipt import Outcome, Position, Receipt

MISSING = (Outcome.UNKNOWN, Outcome.LOST)
PLACE = re.compile(r"(.+/[0-9]+)@([0-9]+)")


def trace(
    event: Annotated[str | None, typer.Option("--event", help="Its type.")] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(
            help="A column of its composite key (dedupe.by) and the value, as sent or as it stands "
            "in the table; the value alone where there is one column.",
            metavar="NAME=VALUE",
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            help="Its place, as the gateway's answer gives it: events.order_placed.v1/3@1200.",
            metavar="TOPIC/PARTITION@OFFSET",
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, help="Records that no seal covers yet which are read at most.")
    ] = 100_000,
    since_days: Annotated[
        int, typer.Option(min=0, help="Dead letters of so many days are searched.")
    ] = 7,
    clear: Annotated[
        bool, typer.Option("--clear", help="Show the values of the event, personal data too.")
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Say where an event is: Kafka, seal, object, load, row; or why it is none.

    Exit code 0: it was found; 1: it was not, or it is lost.

        forebay trace --event order_placed --key 6f1c1c5e-3a57-4d0a-9a5e-0d7a3c1f9b10

        forebay trace --at events.order_placed.v1/0@17
    """
    position = _position(at)
    if position is not None and event is None:
        event = event_of_partition(position.tp)
    if not event or (position is None) == (not key):
        raise typer.BadParameter("say --at, or --event and --key")
    settings = settings_here(data_dir)
    receipt = asyncio.run(_trace(settings, event, key or [], position, limit, since_days))
    if as_json:
        print_json(as_json_of(receipt, clear=clear))
    else:
        _show(receipt, clear=clear)
    raise typer.Exit(int(receipt.outcome in MISSING))


def _position(at: str | None) -> Position | None:
    if at is None:
        return None
    found = PLACE.fullmatch(at)
    if found is None:
        raise typer.BadParameter("write it as events.order_placed.v1/3@1200", param_hint="--at")
    return Position(found[1], int(found[2]))


async def _trace(
    settings: Settings,
    event: str,
    words: list[str],
    position: Position | None,
    limit: int,
    since_days: int,
) -> Receipt:
    from app.trace.find import Limits, Tracer

    async with opened_parts(settings) as parts:
        (contract,) = parts.contracts.chosen([event])
        pii_key = settings.pii_key.get_secret_value().encode() or None
        limits = Limits(limit, timedelta(days=since_days))
        tracer = Tracer(
            contract, parts.ledger, parts.objects, parts.warehouse, settings.kafka, pii_key, limits
        )
        if position is not None:
            return await tracer.at(position)
        return await tracer.by(tracer.keys.said(words))


def _show(receipt: Receipt, *, clear: bool) -> None:
    out = console()
    out.print(f"{receipt.event} {receipt.asked}: {receipt.said}.\n", markup=False, soft_wrap=True)
    for name, told in _steps(receipt):
        out.print(f"  {name:<13} {told}", markup=False, soft_wrap=True)
    for value in _values(receipt) if clear else ():
        out.print(f"  {'value':<13} {value}", markup=False, soft_wrap=True)


def _steps(receipt: Receipt) -> Iterator[tuple[str, str]]:
    if receipt.received_at is not None:
        yield "received", _moment(receipt.received_at)
    if receipt.position is not None:
        yield "Kafka", str(receipt.position)
    if (seal := receipt.sealed) is not None:
        yield "seal", f"{seal.id}, {_moment(seal.sealed_at)}, by {seal.worker}"
    if (line := receipt.line) is not None:
        last = f"-{line.number + line.lines - 1}" if line.lines > 1 else ""
        yield "object", f"{line.object}, line {line.number}{last}"
    if (load := receipt.load) is not None:
        yield "load", f"{load.run}, {_moment(load.loaded_at)}"
    if receipt.rows:
        assert receipt.load is not None
        yield "row", f"{receipt.rows:,} in {receipt.load.table}, day {receipt.load.day}"
    yield from _around(receipt)


def _around(receipt: Receipt) -> Iterator[tuple[str, str]]:
    """Other copies, and where it was looked for."""
    if receipt.of is not None:
        yield "stands", str(receipt.of)
    for other in receipt.others:
        yield "another copy", str(other)
    for place in receipt.searched:
        yield "searched", place
    for place in receipt.unsearched:
        yield "not searched", place


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _values(receipt: Receipt) -> list[Any]:
    """What was sent, of a dead letter, else the lines."""
    lines = receipt.line.values if receipt.line is not None else ()
    if receipt.letter is None:
        return list(lines)
    return [b64decode(line["value"] or "").decode(errors="replace") for line in lines]


def as_json_of(receipt: Receipt, *, clear: bool) -> dict[str, Any]:
    """For machines; the event's values only if they are to be shown."""
    return receipt.as_json() | ({"values": _values(receipt)} if clear else {})
