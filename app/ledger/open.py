"""Choose the ledger by its URL."""

from app.ledger.options import LedgerOptions
from app.ledger.protocol import Ledger


async def open_ledger(options: LedgerOptions) -> Ledger:
    """Open the ledger, creating what is missing: folder, tables, indexes.

    Raises:
        Transient: it can not be reached or is busy; try again.
        Fatal: it refuses us, or its file is not a ledger of this version.
    """
    ledger = ledger_at(options)
    try:
        await ledger.ping()
    except BaseException:
        await ledger.close()
        raise
    return ledger


def ledger_at(options: LedgerOptions) -> Ledger:
    """The ledger, not reached yet: its first `ping` does all that `open_ledger` does.

    For a role, which waits for its servers. Raises `Fatal` when the URL can not be read.
    """
    # Each brings its driver with it, and motor alone takes 40 MB of memory.
    if options.url.startswith("sqlite:"):
        from app.ledger.sqlite import SQLiteLedger

        return SQLiteLedger.at(options)
    from app.ledger.mongo import MongoLedger

    return MongoLedger.at(options)
