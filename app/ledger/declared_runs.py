"""The part of a ledger that knows declared runs (`app.core.reruns`)."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Protocol

from app.core.reruns import Counted, DeclaredRun


class DeclaredRuns(Protocol):
    """Every method raises `Transient` when the store can not be reached or is busy."""

    async def open_rerun(self, run: DeclaredRun) -> None:
        """Keep durably that a run was opened; opening it again (by id) is a no-op.

        Raises:
            Fenced: the id is another run's.
            Fatal: it is not just opened, or its id names no day.
        """

    async def close_rerun(self, id: str, expected: int, at: datetime) -> DeclaredRun | None:
        """Close an open run, and return what is kept: of who closed or abandoned it first.

        None when there is no such run.
        """

    async def abandon_rerun(self, id: str, at: datetime) -> DeclaredRun | None:
        """Give a run up that is not complete, and return what is kept. None: no such run."""

    async def count_reruns(self, found: Collection[Counted]) -> None:
        """Keep what a load found of closed runs; of a complete one nothing changes any more."""

    async def rerun(self, id: str) -> DeclaredRun | None:
        """Look a run up."""

    async def reruns(
        self, event: str, days: Collection[date] | None = None
    ) -> Sequence[DeclaredRun]:
        """The runs of these days, or of all, by ascending id."""
