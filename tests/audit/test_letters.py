"""An audit tells what was done about dead letters, and stays as exact as it was."""

from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from ulid import ULID

from app.audit import AuditReport
from app.audit import FindingKind as K
from app.commands.audit import render
from app.core.disposal import Disposal, Fate
from tests.audit.world import ORDER, PAGE, Got, World, empty_world, tp_of

DEAD = Got("dead")


async def dispose(world: World, fate: Fate, *offsets: int, event: str = ORDER) -> None:
    now = datetime.now(UTC)
    letters = {tp_of(event, 0): offsets}
    await world.ledger.record_disposal(Disposal(str(ULID()), event, fate, "a test", now, letters))


def letters_of(report: AuditReport, event: str = ORDER) -> dict[str, int]:
    (found,) = (kind for kind in report.as_json()["types"] if kind["event"] == event)
    letters: dict[str, int] = found["letters"]
    return letters


def screen_of(report: AuditReport) -> str:
    screen = Console(width=200)
    with screen.capture() as captured:
        screen.print(render(report))
    return captured.get()


async def test_dead_letters_are_counted_as_open_replayed_or_dropped(tmp_path: Path) -> None:
    async with empty_world(tmp_path) as world:
        await world.seal(ORDER, 1, {0: [DEAD, DEAD, DEAD, DEAD, DEAD, Got("staged", name="1")]})
        await world.seal(PAGE, 2, {0: [Got("staged", name="2")]})
        await world.load(ORDER)
        before = await world.audit(memory=world.memory)
        assert letters_of(before) == {"open": 5, "replayed": 0, "dropped": 0}
        await dispose(world, Fate.REPLAYED, 0, 1)
        await dispose(world, Fate.REPLAYED, 1)
        await dispose(world, Fate.DROPPED, 1, 4)
        report = await world.audit(memory=world.memory, deep=True)
        assert report.balanced
        assert letters_of(report) == {"open": 2, "replayed": 2, "dropped": 1}
        assert letters_of(report, PAGE) == {"open": 0, "replayed": 0, "dropped": 0}
        assert report.totals == before.totals
        shown = [" ".join(line.split()) for line in screen_of(report).splitlines()]
        head = shown.index("event dead letters replayed dropped open")
        assert shown[head + 2 : head + 4] == [f"{ORDER} 5 2 1 2", ""]


async def test_more_letters_disposed_of_than_there_are_is_a_finding(tmp_path: Path) -> None:
    async with empty_world(tmp_path) as world:
        await world.seal(ORDER, 1, {0: [DEAD, Got("duplicate")]})
        await dispose(world, Fate.DROPPED, 0)
        assert (await world.audit()).balanced
        await dispose(world, Fate.DROPPED, 1)
        await dispose(world, Fate.REPLAYED, 7, event="nobody")
        report = await world.audit()
        assert report.found.counts == {K.DISPOSAL: 2}
        assert {finding.event for finding in report.findings} == {ORDER, "nobody"}
