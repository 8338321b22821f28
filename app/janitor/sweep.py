"""One sweep: what is found of each kind, and removed if that was asked for.

Each kind is on its own, and each removal harmless by itself: a sweep that breaks off leaves what
the next one finds.
"""

from datetime import UTC, datetime, timedelta

from app.core.seal import STRAY_GRACE
from app.janitor.old_seals import NOTHING_GOES, OldSeals, Retention
from app.janitor.pile import Check, Kind, Pile
from app.janitor.strays import find_strays, old_uploads, remove_strays
from app.ledger.protocol import Ledger
from sinks.protocol import ObjectStore, Warehouse


def _go_on() -> None:
    pass


async def sweep(
    ledger: Ledger,
    store: ObjectStore,
    warehouse: Warehouse,
    *,
    keep_runs: timedelta,
    retention: Retention = NOTHING_GOES,
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
        Fatal: most objects are unknown to this ledger, and not `most`: no object was removed; or
            what `OldSeals.sweep` returns, after all else was done.
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
    wrong = await OldSeals(ledger, piles, check, go).sweep(retention)
    if go:
        await remove_strays(store, ledger, before, piles[Kind.OBJECTS], check, most=most)
    else:
        piles[Kind.OBJECTS].join((await find_strays(store, ledger, before)).pile)
    if wrong is not None:
        raise wrong
    return piles


async def _sweep_runs(ledger: Ledger, before: datetime, pile: Pile, *, go: bool) -> None:
    async for run in ledger.job_runs(before=before):
        pile.add(f"{run.job} {run.event} {run.started_at:%Y-%m-%d %H:%M} {run.outcome}")
    if go:
        await ledger.forget_job_runs(before)
