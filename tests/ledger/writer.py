"""A process that seals without end and prints the id of each seal that was acknowledged."""

import asyncio
import sys
from contextlib import suppress

from app.core.errors import Transient
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from tests.ledger.examples import OTHER_TP, TP, seal, span, start


async def write(url: str, database: str) -> None:
    ledger = await open_ledger(LedgerOptions(url=url, database=database, timeout_seconds=2))
    begun = await ledger.start_chains([start(), start(OTHER_TP)])
    first = begun[TP].next
    while True:
        made = seal(span(first, first + 10), span(first, first + 10, OTHER_TP))
        await ledger.record(made)
        print(made.id, flush=True)  # noqa: T201
        first += 10


if __name__ == "__main__":
    with suppress(Transient):
        asyncio.run(write(*sys.argv[1:]))
