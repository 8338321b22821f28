"""One sweep: what is found of each kind, and removed if that was asked for.

Each kind is on its own, and each removal harmless by itself: a sweep that breaks off leaves what
the next one finds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from app.core.seal import STRAY_GRACE
from app.janitor.strays import Check, find_strays, old_uploads, remove
from app.ledger.protocol import Ledger
from sinks.protocol import ObjectStore, Warehouse

EXAMPLES = 5


class Kind(StrEnum):
    """What a sweep finds."""

    OBJECTS = "objects"
    UPLOADS = "uploads"
    FILES = "files"
    RUNS = "runs"


ABOUT: Mapping[Kind, str] = {
    Kind.OBJECTS: "objects that no seal names",
    Kind.UPLOADS: "multipart uploads that nobody finished",
    Kind.FILES: "local files that dead loads left",
    Kind.RUNS: "runs in the history of jobs",
}


@dataclass
class Pile:
    """All that was found of one kind. Nobody knows the `bytes` of uploads and runs: 0."""

    kind: Kind
    count: int = 0
    bytes: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, name: str, size: int = 0) -> None:
        self.count += 1
        self.bytes += size
        if len(self.examples) < EXAMPLES:
            self.examples.append(name)


def _go_on() -> None:
    pass


async def sweep(
    ledger: Ledger,
    store: ObjectStore,
    warehouse: Warehouse,
    *,
    keep_runs: timedelta,
    go: bool,
    most: bool = False,
    check: Check = _go_on,
    grace: timedelta = STRAY_GRACE,
) -> dict[Kind, Pile]:
    """Find what can go, by kind, and with `go` remove it.

    `check` is called before each removal and may raise. `most` removes objects even if the ledger
    names fewer than it does not.

    Raises:
        Transient: a server does not answer; what was removed until then stays removed.
        Fatal: most objects are unknown to this ledger, and not `most`: no object was removed.
    """
    piles = {kind: Pile(kind) for kind in Kind}
    before = await store.now() - grace
    for upload in await old_uploads(store, before):
        if go:
            check()
            await store.abort_upload(upload)
        piles[Kind.UPLOADS].add(upload.key)
    check()
    for path, size in (await warehouse.litter(remove=go)).items():
        piles[Kind.FILES].add(path, size)
    await _sweep_runs(ledger, datetime.now(UTC) - keep_runs, piles[Kind.RUNS], go=go)
    strays = await find_strays(store, ledger, before)
    if go and not most:
        strays.leave_if_most()
    for stat in await remove(strays, store, ledger, check) if go else strays.found:
        piles[Kind.OBJECTS].add(stat.key, stat.bytes)
    return piles


async def _sweep_runs(ledger: Ledger, before: datetime, pile: Pile, *, go: bool) -> None:
    async for run in ledger.job_runs(before=before):
        pile.add(f"{run.job} {run.event} {run.started_at:%Y-%m-%d %H:%M} {run.outcome}")
    if go:
        await ledger.forget_job_runs(before)


def counted(piles: Mapping[Kind, Pile]) -> dict[str, int]:
    """What was removed, for the history of jobs."""
    counts = {str(kind): pile.count for kind, pile in piles.items()}
    return counts | {"bytes": sum(pile.bytes for pile in piles.values())}
