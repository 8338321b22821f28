"""What every warehouse checks before it lets a load's rows in: the manifest against reality."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime

from app.contracts.table import Table
from app.core.errors import Fatal, Fenced
from app.core.seal import StoredObject
from sinks.protocol import DayManifest, LoadedDay, Miscounted, ObjectLost, ObjectStore

FILES_PER_STATEMENT = 1_000
LOOKUPS_AT_ONCE = 16


def objects_of(days: Sequence[DayManifest]) -> list[StoredObject]:
    """Name each object once, and refuse a manifest that contradicts itself.

    Raises:
        Fatal: a day or an object appears twice, or an object belongs to another day.
    """
    if len({manifest.day for manifest in days}) != len(days):
        raise Fatal("a day appears twice in one load")
    found: dict[str, StoredObject] = {}
    for manifest in days:
        for stored in manifest.objects:
            if stored.key in found:
                raise Fatal(f"object {stored.key} appears twice in one load")
            if stored.day != manifest.day:
                raise Fatal(f"object {stored.key} is of {stored.day}, not of {manifest.day}")
            found[stored.key] = stored
    return list(found.values())


def batches(
    objects: Sequence[StoredObject],
    *,
    most_files: int = FILES_PER_STATEMENT,
    most_bytes: int | None = None,
) -> Iterator[list[StoredObject]]:
    """Cut into pieces of so many files and so many stored bytes, at least one file each."""
    batch: list[StoredObject] = []
    size = 0
    for stored in objects:
        too_large = most_bytes is not None and size + stored.bytes > most_bytes
        if batch and (len(batch) == most_files or too_large):
            yield batch
            batch, size = [], 0
        batch.append(stored)
        size += stored.bytes
    if batch:
        yield batch


async def for_each(
    objects: Sequence[StoredObject],
    work: Callable[[StoredObject], Awaitable[None]],
    *,
    at_once: int = LOOKUPS_AT_ONCE,
) -> None:
    """Do `work` on each object, a few at a time; the first error ends them all."""
    waiting = iter(objects)

    async def take() -> None:
        for stored in waiting:
            await work(stored)

    tasks = [asyncio.create_task(take()) for _ in range(min(at_once, len(objects)))]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def verify_stored(store: ObjectStore, objects: Sequence[StoredObject]) -> None:
    """Look each object up and compare its size and ETag with the ledger's.

    Raises:
        ObjectLost: one is missing or another one now.
    """

    async def look_up(stored: StoredObject) -> None:
        stat = await store.stat(stored.key)
        if stat is None:
            raise ObjectLost(f"object {stored.key} is not there")
        if stat.bytes != stored.bytes or stat.etag != stored.etag:
            raise ObjectLost(
                f"object {stored.key} has {stat.bytes} bytes and ETag {stat.etag}; "
                f"the ledger says {stored.bytes} bytes and {stored.etag}"
            )

    await for_each(objects, look_up)


def check_staged(
    objects: Sequence[StoredObject], staged: Mapping[tuple[str, date | None], int]
) -> dict[date, int]:
    """Compare the staged rows, counted by (key, day), with the manifest; add them up by day.

    Raises:
        ObjectLost: an object holds more rows, fewer, or rows of another day.
    """
    by_object: dict[str, dict[date | None, int]] = {}
    for (key, day), rows in staged.items():
        by_object.setdefault(key, {})[day] = rows
    by_day: dict[date, int] = {}
    for stored in objects:
        held = by_object.pop(stored.key, {})
        if held != ({stored.day: stored.rows} if stored.rows else {}):
            told = ", ".join(f"{rows} rows of {day}" for day, rows in held.items()) or "no rows"
            raise ObjectLost(
                f"object {stored.key} holds {told}; "
                f"the ledger says {stored.rows} rows of {stored.day}"
            )
        by_day[stored.day] = by_day.get(stored.day, 0) + stored.rows
    if by_object:
        raise Fatal(f"rows were staged from {', '.join(by_object)}, which the load does not name")
    return by_day


def check_keys(table: Table, without: Mapping[str, int]) -> None:
    """Refuse rows that lack a column of the key, counted by object: they would become one row.

    The contract that sealed them had another key; no row of this one can lack it.

    Raises:
        Fatal: there are such rows.
    """
    if without:
        first, others = next(iter(without)), len(without) - 1
        more = f" and {others} other object{'s' if others > 1 else ''}" if others else ""
        raise Fatal(
            f"{table.name}: {sum(without.values())} rows of {first}{more} lack a column of the "
            f"key, {', '.join(table.key)}: they were sealed by a contract with another one. Give "
            "this version a table of its own (warehouse.table), or leave the key as it was."
        )


def check_replaced(
    table: str, days: Sequence[DayManifest], control: Mapping[date, LoadedDay]
) -> None:
    """Compare, inside the transaction, what LOAD_CONTROL says with what the manifests were told.

    Raises:
        Fenced: another run has loaded one of the days since.
    """
    for manifest in days:
        found = control[manifest.day].run if manifest.day in control else ""
        if manifest.replaces not in (None, found):
            raise Fenced(f"{table}, {manifest.day}: run {found} has loaded it since we looked")


def check_inserted(table: str, day: date, *, staged: int, inserted: int, standing: int) -> None:
    """Make sure of a day before COMMIT: none too many, not all gone, and all of them there.

    Raises:
        Fatal: the warehouse did not do what it was told.
    """
    if inserted > staged or (staged and not inserted) or standing != inserted:
        raise Fatal(
            f"{table}, {day}: {staged} rows staged, {inserted} inserted, {standing} standing: "
            "rolled back; does something else write into this table?"
        )


def check_expected(table: str, days: Sequence[DayManifest], rows: Mapping[date, int]) -> None:
    """Compare what is to stand of a declared run, one row of each key, with what it must have.

    Raises:
        Miscounted: the run is not complete.
    """
    for manifest in days:
        found = rows.get(manifest.day, 0)
        if manifest.expected not in (None, found):
            expected = manifest.expected or 0
            raise Miscounted(table, manifest.day, manifest.shown, found, expected)


def loaded_days(
    days: Sequence[DayManifest],
    run: str,
    fence: int,
    staged: Mapping[date, int],
    rows: Mapping[date, int],
) -> dict[date, LoadedDay]:
    """What LOAD_CONTROL is to say of these days; `staged` and `rows` may leave empty ones out."""
    now = datetime.now(UTC)
    return {
        manifest.day: LoadedDay(
            day=manifest.day,
            run=run,
            fence=fence,
            seals=manifest.seals,
            staged=staged.get(manifest.day, 0) + manifest.hidden,
            rows=rows.get(manifest.day, 0),
            loaded_at=now,
            shown=manifest.shown,
            hidden=manifest.hidden,
        )
        for manifest in days
    }
