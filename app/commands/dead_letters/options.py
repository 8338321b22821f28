"""What the commands about dead letters share: options that say which are meant, and the parts."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import typer

from app.assemble import contracts_of, opened_ledger, opened_objects
from app.contracts.load import Contracts
from app.core.errors import Fatal, Reason
from app.core.versions import event_of_partition
from app.ledger.disposed import Disposed
from app.ledger.protocol import Ledger
from app.letters.letter import Name
from app.letters.stored import Wanted
from app.settings import Settings
from sinks.protocol import ObjectStore

Type = Annotated[str | None, typer.Option("--type", help="One event type.")]
WhyRejected = Annotated[Reason | None, typer.Option("--reason", help="Only these.")]
Field = Annotated[
    str | None, typer.Option(help="The field at fault, as `list` names it: lines[].cents.")
]
First = Annotated[
    datetime | None,
    typer.Option("--from", formats=["%Y-%m-%d"], help="First UTC day on which it was received."),
]
Last = Annotated[
    datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="The last one (inclusive).")
]
Names = Annotated[
    list[str] | None,
    typer.Argument(help="Single ones: events.order_placed.v1/3@1200.", metavar="[NAME]..."),
]


def wanted_of(
    event: str | None,
    reason: Reason | None,
    field: str | None,
    first: datetime | None,
    last: datetime | None,
    names: Sequence[str] | None = None,
) -> Wanted:
    """What the options mean. Raises `Fatal` for a name that is none, or days that can not be."""
    if first and last and last < first:
        raise Fatal(f"--to {last.date()} is before --from {first.date()}")
    found = frozenset(map(name_of, names)) if names else None
    if found is not None and event is None:
        events = {event_of_partition(name.tp) for name in found}
        event = events.pop() or None if len(events) == 1 else None
    return Wanted(
        event,
        reason.value if reason else None,
        field,
        first.date() if first else None,
        last.date() if last else None,
        found,
    )


Go = Annotated[bool, typer.Option("--go", help="Do it; without, it is only told.")]


def one_type(wanted: Wanted) -> str:
    """The one event type that is meant. Raises `Fatal` when it is left open."""
    if wanted.event is None:
        raise Fatal("say which: --type EVENT, or names of dead letters of one type")
    return wanted.event


def name_of(text: str) -> Name:
    """Read what the user typed."""
    try:
        return Name.of(text)
    except ValueError as error:
        raise Fatal(str(error)) from None


@dataclass(frozen=True, slots=True)
class Parts:
    """What a command about dead letters looks at. `disposed` is what was done about those of the
    event that was asked for, or of all."""

    settings: Settings
    contracts: Contracts
    ledger: Ledger
    objects: ObjectStore
    disposed: Disposed


@asynccontextmanager
async def opened(settings: Settings, wanted: Wanted) -> AsyncIterator[Parts]:
    """Open ledger and bucket for the length of a command. Raises `Fatal` for a mistyped event."""
    contracts = contracts_of(settings)
    async with opened_ledger(settings) as ledger, opened_objects(settings) as objects:
        event = wanted.event
        if event and event not in contracts and event not in await ledger.partitions():
            contracts.chosen([event])  # it is mistyped
        with Disposed() as disposed:
            await disposed.read(ledger, wanted.event)
            yield Parts(settings, contracts, ledger, objects, disposed)
