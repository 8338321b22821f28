"""What became of each dead letter, by all disposals together."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from app.core.disposal import Disposal, Fate
from app.ledger.protocol import Ledger

FATES = tuple(Fate)


class Disposed:
    """The fates of dead letters, on disk so that memory stays flat: a temporary file without a
    name, gone when it is closed.

    Disposals may name a letter twice, when two people acted at once or a crash came between
    sending and recording; it counts once, and as replayed if one of them sent it.
    """

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(
            """PRAGMA journal_mode = OFF; PRAGMA cache_size = -4096;
            CREATE TABLE tps (id INTEGER PRIMARY KEY, tp TEXT UNIQUE, event TEXT);
            CREATE TABLE fates (tp INT, at INT, fate INT, PRIMARY KEY (tp, at)) WITHOUT ROWID;
            BEGIN"""
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.close()

    async def read(self, ledger: Ledger, event: str | None = None) -> None:
        """Take up every disposal the ledger has, of one event or of all."""
        async for disposal in ledger.disposals(event):
            self.add(disposal)

    def add(self, disposal: Disposal) -> None:
        """Take up one disposal."""
        known = "IGNORE" if disposal.fate is Fate.DROPPED else "REPLACE"
        fate = FATES.index(disposal.fate)
        for tp, offsets in disposal.letters.items():
            self._db.execute("INSERT OR IGNORE INTO tps VALUES (NULL, ?, ?)", (tp, disposal.event))
            (number,) = self._db.execute("SELECT id FROM tps WHERE tp = ?", (tp,)).fetchone()
            self._db.executemany(
                f"INSERT OR {known} INTO fates VALUES (?, ?, ?)",
                ((number, offset, fate) for offset in offsets),
            )

    def fate(self, tp: str, offset: int) -> Fate | None:
        """What became of one letter; None: nobody has done anything about it."""
        found = self._db.execute(
            "SELECT fate FROM fates WHERE tp = (SELECT id FROM tps WHERE tp = ?) AND at = ?",
            (tp, offset),
        ).fetchone()
        return None if found is None else FATES[found[0]]

    def count_in(self, tp: str, first: int, next: int) -> int:
        """How many letters of these offsets, `first` to `next - 1`, something was done about."""
        (count,) = self._db.execute(
            """SELECT count(*) FROM fates
               WHERE tp = (SELECT id FROM tps WHERE tp = ?) AND at >= ? AND at < ?""",
            (tp, first, next),
        ).fetchone()
        return int(count)

    def counts(self) -> dict[str, Counter[Fate]]:
        """How many letters of each event had which fate."""
        counts: dict[str, Counter[Fate]] = {}
        for event, fate, count in self._sums():
            counts.setdefault(event, Counter())[FATES[fate]] = count
        return counts

    def _sums(self) -> Iterator[tuple[str, int, int]]:
        yield from self._db.execute(
            "SELECT event, fate, COUNT(*) FROM fates JOIN tps ON tps.id = fates.tp GROUP BY 1, 2"
        )
