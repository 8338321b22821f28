"""Which shelves of the ledger have to be read, and what was read of the others before."""

from collections.abc import Mapping

from app.audit.scratch import BY_SHELF, Scratch
from app.ledger.protocol import Ledger

PRESENT = """
SELECT shelf FROM shelves UNION SELECT shelf FROM links
UNION SELECT shelf FROM ranges UNION SELECT shelf FROM objects
"""

# Of links that were read in another way than by shelf.
SHELVES_WITHOUT_RANGE = """
SELECT DISTINCT l.shelf FROM links l LEFT JOIN ranges r
  ON r.tp = l.tp AND r.first = l.first AND r.seal = l.seal
WHERE l.kind IN ('seal', 'summary') AND r.seal IS NULL
"""


def forget_changed(scratch: Scratch, digests: Mapping[str, str]) -> set[str]:
    """Forget each shelf whose digest is not the one that was read; return those to be read.

    `digests` must have been asked for before anything is read: what comes later is read again
    next time.
    """
    known = dict(scratch.rows("SELECT shelf, digest FROM shelves"))
    present = {shelf for (shelf,) in scratch.rows(PRESENT)}
    changed = {shelf for shelf, digest in digests.items() if known.get(shelf) != digest}
    for shelf in sorted(changed | (present - set(digests))):
        forget(scratch, shelf)
    return changed


def forget(scratch: Scratch, shelf: str) -> None:
    for table in BY_SHELF:
        scratch.change(f"DELETE FROM {table} WHERE shelf = ?", shelf)


def forget_seals(scratch: Scratch, shelf: str) -> None:
    """All of a shelf but its links."""
    for table in BY_SHELF:
        if table != "links":
            scratch.change(f"DELETE FROM {table} WHERE shelf = ?", shelf)


async def read_links(ledger: Ledger, shelves: set[str], scratch: Scratch) -> int:
    """Read the links of all entries on these shelves; return how many there are."""
    count = 0
    for shelf in sorted(shelves):
        async for event, link in ledger.links(shelf):
            r = link.range
            scratch.add(
                "links", shelf, r.tp, r.first, r.next, r.records, link.id, event, link.kind.value
            )
            count += 1
    return count


def also_to_be_read(scratch: Scratch) -> set[str]:
    """Shelves with seals that only a walk along a chain has met: their ranges are not read yet."""
    return {shelf for (shelf,) in scratch.rows(SHELVES_WITHOUT_RANGE)}
