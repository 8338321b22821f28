"""The audit closes over seals that were summarised, and sees what is changed of them."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from app.audit import FindingKind as K
from app.core.errors import Transient
from app.ledger.options import LedgerOptions
from app.ledger.protocol import Ledger, Shelved
from tests.audit.world import DAY1, DAY2, DAY3, ORDER, Got, World, empty_world, tp_of
from tests.servers.mongo import mongo_url

__all__ = ["mongo_url"]

OLD_SHELF, NEW_SHELF = "01AAA", "01BBB"
FIRST = f"{OLD_SHELF}0001ORDE"
SUMMARY = f"{OLD_SHELF}0002ORDE.summary"
ORDER0 = tp_of(ORDER, 0)
AT = datetime(2026, 9, 1, tzinfo=UTC)


async def age(world: World) -> None:
    """Two old seals with something of everything, a lost stretch between them; both are loaded,
    and summarised. A newer one holds rows of one of their days."""
    staged = [Got("staged", DAY1), Got("staged", DAY2, "twin"), Got("staged", DAY2, "twin")]
    await world.seal(ORDER, 1, {0: [*staged, Got("dead", DAY3)], 1: staged}, OLD_SHELF)
    await world.incident(ORDER, 0, lost=5)
    await world.seal(ORDER, 2, {0: [Got("staged", DAY1), Got("duplicate", DAY1)]}, OLD_SHELF)
    await world.seal(ORDER, 3, {0: [Got("staged", DAY2)], 1: [Got("staged", DAY3)]}, NEW_SHELF)
    await world.load(ORDER)


async def summarise(world: World) -> None:
    """And let go of their objects, as the janitor does."""
    old = [seal for seal in world.seals if seal.id.startswith(OLD_SHELF)]
    await world.ledger.summarise([seal.id for seal in old], AT)
    await world.objects.delete([stored.key for seal in old for stored in seal.objects])


@pytest.fixture(params=["sqlite", "mongo"])
def options(request: pytest.FixtureRequest) -> LedgerOptions | None:
    """None: the world's own SQLite file."""
    if request.param == "sqlite":
        return None
    url = request.getfixturevalue("mongo_url")
    return LedgerOptions(url=url, database=f"test_{uuid4().hex[:12]}")


@pytest.fixture
async def world(options: LedgerOptions | None, tmp_path: Path) -> AsyncIterator[World]:
    async with empty_world(tmp_path, options=options) as world:
        await age(world)
        yield world


async def test_the_audit_says_the_same_before_and_after(world: World) -> None:
    before = await world.audit(deep=True, memory=world.memory)
    assert {found.kind for found in before.findings} == {K.INCIDENT}
    await summarise(world)
    for how in ({"deep": True}, {}, {"quick": True}):
        after = await world.audit(memory=world.memory, **how)  # type: ignore[arg-type]
        assert after.findings == before.findings
        assert after.totals == before.totals
        assert [kind.days for kind in after.types] == [kind.days for kind in before.types]
        assert any("2 seals with rows of 2 days" in note for note in after.notes)
    full = await world.audit(deep=True)
    assert full.findings == before.findings
    assert (full.seals, full.objects.named) == (1, 2)


async def test_an_old_row_that_is_gone_from_the_warehouse_is_still_seen(world: World) -> None:
    await summarise(world)
    world.sql_warehouse(
        "DELETE FROM RAW.ORDER_PLACED WHERE day = '2026-03-01' AND _offset = 0 AND _partition = 0"
    )
    report = await world.audit()
    (lost,) = (found for found in report.findings if found.kind is K.WAREHOUSE_ROWS)
    assert (lost.day, lost.tp, lost.first) == (DAY1, ORDER0, 0)


MUTATIONS: dict[str, tuple[str, dict[str, Any], set[K]]] = {
    "the summary is removed": (
        "DELETE FROM links WHERE entry = :id", {"kind": K.GAP, "first": 0, "next": 4},
        {K.SEAL_UNCHAINED, K.SEAL}),
    "a count is shifted": (
        "UPDATE counts SET duplicates = duplicates + 1 WHERE entry = :id",
        {"kind": K.SEAL, "seal": SUMMARY}, set()),
    "staged is shifted from one day to another": (
        "UPDATE counts SET staged = staged + iif(day = '2026-03-01', 1, -1) WHERE entry = :id "
        "AND staged", {"kind": K.SEAL, "seal": SUMMARY}, {K.LOAD_SEALS}),
    "rows of a seal are shifted": (
        "UPDATE summed SET rows = rows + 1 WHERE entry = :id AND day = '2026-03-01' AND rows = 1",
        {"kind": K.SEAL, "seal": SUMMARY}, {K.LOAD_SEALS}),
    "a seal that a load named is forgotten": (
        f"DELETE FROM summed WHERE entry = :id AND seal = '{FIRST}'",
        {"kind": K.LOAD_SEALS, "day": DAY1, "seal": FIRST}, {K.SEAL}),
    "its offsets are shifted": (
        "UPDATE links SET next = next - 1 WHERE entry = :id AND slot = 0 AND tp LIKE '%/0'",
        {"kind": K.GAP, "first": 3, "next": 4}, {K.SEAL}),
    "its records are shifted": (
        "UPDATE links SET records = records - 1 WHERE entry = :id AND slot = 0",
        {"kind": K.SEAL, "seal": SUMMARY}, set()),
}  # fmt: skip


@pytest.mark.parametrize(("change", "wanted", "also"), MUTATIONS.values(), ids=MUTATIONS)
async def test_what_is_changed_of_a_summary_is_found(
    tmp_path: Path, change: str, wanted: dict[str, Any], also: set[K]
) -> None:
    async with empty_world(tmp_path) as world:
        await age(world)
        await summarise(world)
        await world.audit(memory=world.memory)
        world.sql_ledger(change.replace(":id", f"'{SUMMARY}'"))
        for memory in (world.memory, None):
            report = await world.audit(memory=memory)
            news = [found for found in report.findings if found.kind is not K.INCIDENT]
            assert any(
                all(getattr(found, name) == value for name, value in wanted.items())
                for found in news
            ), news
            assert {found.kind for found in news} <= {wanted["kind"], *also}


class Sweeping:
    """The world's ledger, summarised after the links of its seals were read, `times` times."""

    def __init__(self, world: World, sweep: Callable[[], Any], times: int) -> None:
        self.ledger, self.sweep, self.left = world.ledger, sweep, times

    def __getattr__(self, name: str) -> object:
        return getattr(self.ledger, name)

    async def summary_count(self) -> int:
        return await self.ledger.summary_count()

    async def shelved(self, shelf: str) -> AsyncIterator[Shelved]:
        if shelf == OLD_SHELF and self.left:
            self.left -= 1
            await self.sweep()
        async for found in self.ledger.shelved(shelf):
            yield found


async def test_an_audit_during_which_seals_are_summarised_begins_anew(tmp_path: Path) -> None:
    async with empty_world(tmp_path) as world:
        await age(world)
        busy = Sweeping(world, lambda: summarise(world), 1)
        report = await world.audit(ledger=_as_ledger(busy), memory=world.memory)
        assert busy.left == 0
        assert {found.kind for found in report.findings} == {K.INCIDENT}
        again = await world.audit(memory=world.memory)
        assert again.findings == report.findings
        assert again.reading.shelves_read == 0


async def test_an_audit_that_is_always_disturbed_gives_up_and_says_so(tmp_path: Path) -> None:
    async with empty_world(tmp_path) as world:
        await age(world)
        ids = [seal.id for seal in world.seals if seal.id.startswith(OLD_SHELF)]
        left: list[Sequence[str]] = [ids[:1], ids[1:]]
        for number in range(2, 9):
            await world.seal(ORDER, 10 + number, {0: [Got("duplicate", DAY1)]}, OLD_SHELF)
            left.append([world.seals[-1].id])

        async def some() -> None:
            await world.ledger.summarise(left.pop(), AT)

        busy = Sweeping(world, some, len(left))
        with pytest.raises(Transient, match="run the audit again"):
            await world.audit(ledger=_as_ledger(busy))


def _as_ledger(busy: Sweeping) -> Ledger:
    return busy  # type: ignore[return-value]
