"""Choose the ledger by its URL."""

from app.ledger.options import LedgerOptions
from app.ledger.protocol import Ledger


async def open_ledger(options: LedgerOptions) -> Ledger:
    """Open the ledger, creating what is missing: folder, tables, indexes.

    Raises:
        Transient: it can not be reached or is busy; try again.
        Fatal: it refuses us, or its file is not a ledger of this version.
    """
    # Each brings its driver with it, and motor alone takes 40 MB of memory.
    if options.url.startswith("sqlite:"):
        from app.ledger.sqlite import SQLiteLedger

        return await SQLiteLedger.open(options)
    from app.ledger.mongo import MongoLedger

    return await MongoLedger.open(options)
