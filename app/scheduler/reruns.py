"""What a day is made of: all that was sealed of it, or one declared run.

A run that was closed is complete when its rows, one of each key, are as many as it must have. No
row is counted here: the warehouse collapses them anyway, and rolls back when it has another number;
then the next run of the day that may be complete is tried.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta

from loguru import logger

from app.contracts.table import Table
from app.core.errors import Fatal
from app.core.reruns import Counted, DeclaredRun, choose, judged
from app.ledger.protocol import DaySeals, Ledger
from sinks.protocol import DayManifest, LoadedDay, Miscounted


class Reruns:
    """Makes the manifests of one load, and keeps what it found out about runs."""

    def __init__(self, ledger: Ledger, table: Table) -> None:
        self._ledger, self._table = ledger, table
        self._counted: dict[str, int] = {}
        self._runs: dict[date, list[DeclaredRun]] = {}
        self._days: dict[date, DaySeals] = {}

    async def look(self, days: Collection[date], standing: Mapping[date, LoadedDay]) -> None:
        """See once what there is of these days. What is sealed later is the next load's: had a
        manifest named it after its run was refused, nobody would look at that run again.

        `standing` is what LOAD_CONTROL says of them.
        """
        if self._table.runs:
            await self._adopt(standing)
        # Before the seals: what is sealed of a closed run is not missed. Those of a type that has
        # no runs any more are judged too, or their day would wait for ever.
        self._runs = {day: [] for day in days}
        for run in await self._ledger.reruns(self._table.event, days):
            self._runs[run.day].append(run)
        found = await self._ledger.manifest(self._table.event, days)
        self._days = {day.day: day for day in found}

    def leave_summarised(self, *, asked_for: bool) -> None:
        """Leave out days that can not be made again, for the objects of old rows are gone.

        Raises:
            Fatal: they were `asked_for`.
        """
        gone = sorted(day for day, found in self._days.items() if found.summarised)
        if not gone:
            return
        event = self._table.event
        if asked_for:
            raise Fatal(
                f"{self._table.name}: days up to {gone[-1]} hold rows of seals that are older than "
                "JANITOR__KEEP_SEALS_DAYS and were summarised: their objects are gone, so the days "
                "can not be made again. Nothing was replaced; begin later: "
                f"`forebay load --type {event} --from {gone[-1] + timedelta(days=1)} …`"
            )
        for day in gone:
            logger.error(
                "{} {}: rows came after the day's old seals were summarised; they stay in their "
                "objects, and the day as it is: it can not be made again",
                event, day,
            )  # fmt: skip
            del self._days[day]
            self._runs.pop(day, None)

    def manifest(self, standing: Mapping[date, LoadedDay]) -> Sequence[DayManifest]:
        """What each day must consist of, by what is known of its runs by now."""
        return [self._of_day(day, standing.get(day.day)) for day in self._days.values()]

    def refuse(self, miscounted: Miscounted) -> None:
        """This run is not complete: the next manifest shows another one."""
        self._counted[miscounted.run] = miscounted.rows

    async def record(self, loaded: Mapping[date, LoadedDay]) -> None:
        """Keep what was found of the runs of these days; warn of closed ones that stay hidden."""
        found: list[Counted] = []
        for day, runs in self._runs.items():
            if not runs:
                continue
            load = loaded[day]
            expected = {run.id: run.expected for run in runs}
            objects = self._days[day].objects
            of_day = judged(objects, runs, self._counted, load.shown, load.rows)
            for one in of_day:
                if one.seals is None and one.id > load.shown:
                    logger.warning(
                        "{} {}: run {} was closed with {} rows, and is not shown: it has {}",
                        self._table.event, day, one.id, expected[one.id], one.rows,
                    )  # fmt: skip
            found += of_day
        if found:
            await self._ledger.count_reruns(found)

    async def _adopt(self, standing: Mapping[date, LoadedDay]) -> None:
        """Keep which runs the warehouse shows, should the load that found them complete have died
        before it could. Before the next load: then LOAD_CONTROL names more seals than counted."""
        shown = {load.shown: load for load in standing.values() if load.shown}
        if not shown:
            return
        runs = await self._ledger.reruns(self._table.event, standing)
        late = [run.id for run in runs if run.id in shown and run.seals is None]
        found = [Counted(id, shown[id].rows, frozenset(shown[id].seals)) for id in late]
        if found:
            await self._ledger.count_reruns(found)

    def _of_day(self, found: DaySeals, standing: LoadedDay | None) -> DayManifest:
        replaces = standing.run if standing is not None else ""
        if not self._table.runs:
            return DayManifest(found.day, found.seals, found.objects, replaces)
        shown = choose(found.objects, self._runs[found.day], self._counted)
        return DayManifest(
            found.day, found.seals, shown.objects, replaces, shown.run, shown.hidden,
            shown.expected,
        )  # fmt: skip
