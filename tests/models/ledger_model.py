"""What a ledger must know of one event type, in a few dictionaries; and a witness who compares."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from app.core.errors import Fenced
from app.core.pause import Pause
from app.core.seal import COUNTED, DayCounts, ObjectKind, Range, Seal
from app.ledger.protocol import ChainStart, Cursor, DayLoad, DayTotals, Incident, Ledger


@dataclass
class LedgerModel:
    """What the ledger must know, as simply as it can be said."""

    starts: dict[str, int] = field(default_factory=dict)
    seals: list[Seal] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    cursors: dict[str, Cursor] = field(default_factory=dict)
    loads: dict[date, DayLoad] = field(default_factory=dict)
    summarised: list[Seal] = field(default_factory=list)

    def begin(self, start: ChainStart) -> None:
        if start.tp not in self.cursors:
            self.starts[start.tp] = start.first
            self.cursors[start.tp] = Cursor(start.first, -1, start.topic_id)

    def add(self, seal: Seal) -> None:
        self.seals.append(seal)
        for r in seal.ranges:
            self.move(r)

    def lose(self, incident: Incident) -> None:
        """Offsets of a chain; or what was left of it, without any, when its topic is gone."""
        self.incidents.append(incident)
        if incident.ends_chain:
            end = self.cursors[incident.range.tp]
            ended = replace(end, topic_id=incident.topic_id, ended=True)
            self.cursors[incident.range.tp] = ended
        else:
            self.move(incident.range)

    def move(self, r: Range) -> None:
        end = self.cursors[r.tp]
        changelog = r.changelog if r.changelog >= 0 else end.changelog
        self.cursors[r.tp] = Cursor(r.next, changelog, end.topic_id)

    def keep(self, load: DayLoad) -> None:
        if load.day not in self.loads or self.loads[load.day].fence <= load.fence:
            self.loads[load.day] = load

    def sum_up(self, ids: Collection[str]) -> None:
        """Of these seals only what they counted stays."""
        self.summarised += [s for s in self.seals if s.id in ids]
        self.seals = [s for s in self.seals if s.id not in ids]

    def fits(self, *ranges: Range) -> bool:
        ends = [(self.cursors.get(r.tp), r.first) for r in ranges]
        return all(end and end.next == first and not end.ended for end, first in ends)

    def with_rows(self, day: date) -> list[str]:
        return sorted(s.id for s in self.seals if rows_of(s, day))

    def waiting(self) -> dict[date, tuple[str, ...]]:
        waiting = {}
        for day in {o.day for s in self.seals for o in s.objects}:
            named = self.loads[day].seals if day in self.loads else ()
            waiting[day] = tuple(id for id in self.with_rows(day) if id not in named)
        return {day: seals for day, seals in waiting.items() if seals}

    def dirty(self) -> dict[date, tuple[str, ...]]:
        """Those of the waiting days that can be made."""
        gone = {o.day for s in self.summarised for o in s.objects if o.kind is ObjectKind.ROWS}
        return {day: seals for day, seals in self.waiting().items() if day not in gone}

    def totals(self) -> list[DayTotals]:
        waiting, totals = self.waiting(), []
        every = [*self.seals, *self.summarised]
        for day in sorted({day for s in every for day in s.days}):
            of_day = [s for s in every if day in s.days]
            objects = [o for s in self.seals for o in s.objects if o.day == day]
            counts = DayCounts(
                *(sum(getattr(s.days[day], what) for s in of_day) for what in COUNTED)
            )
            unloaded = sum(rows_of(s, day) for s in of_day if s.id in waiting.get(day, ()))
            size = sum(o.bytes for o in objects)
            totals.append(DayTotals(day, counts, unloaded, len(objects), size))
        return totals


def rows_of(seal: Seal, day: date) -> int:
    return sum(o.rows for o in seal.objects if o.day == day and o.kind is ObjectKind.ROWS)


async def compare_ends(ledger: Ledger, event: str, model: LedgerModel, tps: Sequence[str]) -> None:
    """Where reading goes on, and what waits for a load."""
    assert await ledger.cursors(tps) == model.cursors
    assert {d.day: d.seals for d in await ledger.dirty(event)} == model.dirty()


async def compare(ledger: Ledger, event: str, model: LedgerModel, tps: Sequence[str]) -> None:
    """The chains of `tps` and everything of `event`, read back."""
    await compare_ends(ledger, event, model, tps)
    assert await ledger.totals(event) == model.totals()
    assert sorted((await ledger.partitions()).get(event, [])) == sorted(model.starts)
    in_order = sorted(model.seals, key=lambda s: s.id)
    assert [s async for s in ledger.seals(event)] == in_order
    for day in {day for s in in_order for day in s.days}:
        of_day = [s for s in in_order if day in s.days]
        assert [s async for s in ledger.seals(event, day=day)] == of_day
    lost = sorted(model.incidents, key=lambda i: i.id)
    assert [i async for i in ledger.incidents(event)] == lost
    for tp in tps:
        end = model.starts.get(tp)
        async for link in ledger.chain(tp):
            assert link.range.first == end, f"a gap or an overlap in {tp}: {link}"
            end = link.range.next
        assert end == (model.cursors[tp].next if tp in model.cursors else None)


class Witness:
    """A ledger whose every answer must be the model's. `models` are by event."""

    def __init__(
        self,
        inner: Ledger,
        models: Mapping[str, LedgerModel],
        sealed: Callable[[Seal], Awaitable[None]],
        touched: set[str],
    ) -> None:
        """`sealed(seal)` is called for each new seal, once it is recorded; the event of whatever
        was asked to be recorded is added to `touched`."""
        self._inner, self._models, self._sealed = inner, models, sealed
        self._touched = touched

    async def start_chains(self, starts: Collection[ChainStart]) -> Mapping[str, Cursor]:
        found = await self._inner.start_chains(starts)
        for start in starts:
            model = self._models[start.event]
            self._touched.add(start.event)
            model.begin(start)
            assert found[start.tp] == model.cursors[start.tp], "another cursor than the model's"
        return found

    async def starts(self, tps: Collection[str]) -> Mapping[str, int]:
        found = await self._inner.starts(tps)
        known = {tp: first for model in self._models.values() for tp, first in model.starts.items()}
        assert found == {tp: known[tp] for tp in tps}, "another start than the model's"
        return found

    def incidents(self) -> AsyncIterator[Incident]:
        return self._inner.incidents()

    async def pauses(self) -> Sequence[Pause]:
        return await self._inner.pauses()

    async def record(self, seal: Seal) -> None:
        model = self._models[seal.event]
        self._touched.add(seal.event)
        known = [s for s in model.seals if s.id == seal.id]
        fits = model.fits(*seal.ranges)
        try:
            await self._inner.record(seal)
        except Fenced:
            assert not known, "a seal that is recorded was refused when it was tried again"
            assert not fits, "a seal that continues its chains was refused"
            raise
        assert known in ([], [seal]), "another seal was recorded under the same id"
        if not known:
            assert fits, f"a seal that continues nothing was recorded: {seal.ranges}"
            model.add(seal)
            await self._sealed(seal)

    async def record_incident(self, incident: Incident) -> None:
        model = self._models[incident.event]
        self._touched.add(incident.event)
        known, fits = incident in model.incidents, model.fits(incident.range)
        try:
            await self._inner.record_incident(incident)
        except Fenced:
            assert not known
            assert not fits
            raise
        if not known:
            assert fits, f"an incident that continues nothing was recorded: {incident.range}"
            model.lose(incident)
