"""Workers on a stage, and what must hold at each of their steps.

The product's agent, assignment, tables and sealing work on a real ledger; what becomes of every
record is compared with what the log alone says must become of it.
"""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from app.core.errors import Fenced, Transient
from app.core.judge import EventType
from app.core.seal import Seal, partition_name
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.ledger.protocol import Ledger
from sinks.memory import MemoryObjectStore
from tests.ledger.examples import load
from tests.models import happenings as h
from tests.models.effort import say
from tests.models.fates import Fates
from tests.models.happenings import (
    PARTITIONS,
    WORKERS,
    Happening,
    happenings,
)
from tests.models.ledger_model import LedgerModel, Witness, compare, compare_ends
from tests.models.log import Log
from tests.models.parcels import kinds_of, named
from tests.models.stage import SMOOTH, Pace, Stage
from tests.models.worker import FOREVER_SECONDS, Worker


class Workers(RuleBasedStateMachine):
    """Each history has event types of its own, in one ledger."""

    stage: Stage
    ledgers: list[Ledger]
    kinds: Mapping[str, EventType]
    folder: Path
    examples = itertools.count()

    @initialize()
    def begin(self) -> None:
        self.example = next(self.examples)
        self.log, self.objects = Log(), MemoryObjectStore()
        self.of = {
            keep: named(kind, f"e{self.example}_{keep}") for keep, kind in self.kinds.items()
        }
        self.models = {kind.name: LedgerModel() for kind in self.of.values()}
        self.fates = {kind.name: Fates(kind, self.log) for kind in self.of.values()}
        self.touched: set[str] = set()
        self.witnesses = [
            Witness(ledger, self.models, self.sealed, self.touched) for ledger in self.ledgers
        ]
        self.disks = dict.fromkeys(WORKERS, 0)
        self.workers: dict[str, Worker] = {}
        self.manifests: list[tuple[str, date, list[str]]] = []
        self.fence = 0
        self.reads_all(WORKERS[0])

    def reads_all(self, name: str) -> None:
        """It is given everything, and begins to read."""
        worker = self.worker(name)
        worker.join(PARTITIONS)
        self.stage.go_on(worker.actor)

    async def sealed(self, seal: Seal) -> None:
        self.fates[seal.event].check(seal, self.objects)
        self.stage.happened["seal"] += 1

    @rule(what=happenings())
    def happens(self, what: Happening) -> None:
        match what:
            case h.Produced() | h.SentAgain() | h.Gap() | h.Retention():
                self.happens_to_kafka(what)
            case h.CallEnds(n, answer) if self.stage.waiting:
                self.stage.open(self.stage.waiting[n % len(self.stage.waiting)], answer)
            case h.ManifestRead(keep, day):
                self.read_manifest(self.of[keep].name, day)
            case h.LoadRecorded(n, late) if self.manifests:
                self.record_load(*self.manifests[n % len(self.manifests)], late)
            case h.Joins(name, given, patient, pace):
                worker = self.worker(name)
                worker.join(given, seconds=FOREVER_SECONDS if patient else 0.0)
                self.stage.go_on(worker.actor, pace)
            case h.TakenOver():
                self.take_over()
                self.stage.run(self.compare(whole=True))
            case _ if self.workers and hasattr(what, "n"):
                self.happens_to(list(self.workers.values())[what.n % len(self.workers)], what)

    def happens_to_kafka(self, what: Happening) -> None:
        match what:
            case h.Produced(sent):
                for keep, partition, copy in sent:
                    self.fates[self.of[keep].name].produce(partition, copy)
            case h.SentAgain(keep):
                for partition in PARTITIONS:
                    self.fates[self.of[keep].name].produce_again(partition)
            case h.Gap(keep, partition, width):
                self.log.skip((self.of[keep].topic, partition), width)
            case h.Retention(keep, partition, before):
                self.log.remove_before((self.of[keep].topic, partition), before)

    def happens_to_two(self, worker: Worker, what: h.Overtaken | h.SealsBehind) -> None:
        if what.by == worker.actor.name:
            return
        other = self.worker(what.by)
        other.join(worker.partitions)
        match what:
            case h.Overtaken(_, most, pace):
                self.happens_to(worker, h.ReadsAllAndSeals(0, most, pace))
                self.stage.go_on(other.actor)
                self.happens_to(other, h.ReadsAllAndSeals(0, most + 1, SMOOTH))
                self.stage.go_on(worker.actor)
            case h.SealsBehind(_, most):
                self.stage.go_on(other.actor, Pace(before="kafka.topic_ids"))
                self.happens_to(worker, h.ReadsAllAndSeals(0, most, SMOOTH))
                self.stage.go_on(other.actor)
                self.happens(h.SentAgain("first"))

    def happens_to(self, worker: Worker, what: Happening) -> None:
        match what:
            case h.Reads(_, keep, partition, most, hold):
                worker.read((self.of[keep].topic, partition), most, hold=hold)
            case h.ReadsAllAndSeals(_, most, pace):
                for kind, partition in itertools.product(self.of.values(), PARTITIONS):
                    worker.read((kind.topic, partition), most)
                worker.cut()
                self.stage.go_on(worker.actor, pace)
            case h.Seals(_, pace) | h.GoesOn(_, pace) | h.Leaves(_, pace):
                begin = {h.Seals: worker.cut, h.Leaves: worker.leave}.get(type(what))
                if begin is not None:
                    begin()
                self.stage.go_on(worker.actor, pace)
            case h.ListLost(_, keep, partition):
                worker.lose_a_list((self.of[keep].topic, partition))
            case h.Overtaken() | h.SealsBehind():
                self.happens_to_two(worker, what)
            case h.CrashesInSeal(_, most, pace):
                self.happens_to(worker, h.ReadsAllAndSeals(0, most, pace))
                self.kill(worker, disk_lost=what.disk_lost, again=True)
            case h.Killed(_, disk_lost, again):
                self.kill(worker, disk_lost=disk_lost, again=again)

    def kill(self, worker: Worker, *, disk_lost: bool, again: bool) -> None:
        worker.kill()
        self.disks[worker.actor.name] += disk_lost
        if again:
            self.start_again(worker)
        else:
            self.workers.pop(worker.actor.name, None)

    def start_again(self, worker: Worker) -> None:
        """As its supervisor does; it is given the partitions that it had."""
        del self.workers[worker.actor.name]
        fresh = self.worker(worker.actor.name)
        if worker.partitions:
            fresh.join(worker.partitions)
            self.stage.go_on(fresh.actor)

    def worker(self, name: str) -> Worker:
        """The worker of that name, started if it is not there."""
        if name not in self.workers:
            self.workers[name] = Worker(
                name,
                self.stage,
                self.log,
                self.witnesses[WORKERS.index(name)],
                self.objects,
                list(self.of.values()),
                self.folder / f"{self.example}-{name}-{self.disks[name]}",
            )
        return self.workers[name]

    def take_over(self) -> None:
        for worker in self.workers.values():
            worker.kill()
        self.workers = {}
        self.disks = {name: disk + 1 for name, disk in self.disks.items()}
        for kind, partition in itertools.product(self.of.values(), PARTITIONS):
            self.fates[kind.name].produce_again(partition)
        self.reads_all(WORKERS[0])
        worker = self.workers[WORKERS[0]]
        for kind, partition in itertools.product(self.of.values(), PARTITIONS):
            worker.read((kind.topic, partition), 1_000)
            self.stage.go_on(worker.actor)
        worker.leave()
        self.stage.go_on(worker.actor)
        assert worker.died_of is None, worker.died_of
        for kind, partition in itertools.product(self.of.values(), PARTITIONS):
            tp = partition_name(kind.topic, partition)
            records = self.log[kind.topic, partition].records
            if records and records[-1].offset >= self.log[kind.topic, partition].start:
                end = self.models[kind.name].cursors[tp].next
                assert end == records[-1].offset + 1, f"{tp} was not read"
        self.reads_all(WORKERS[0])

    def read_manifest(self, event: str, day: date) -> None:
        (manifest,) = self.stage.run(self.ledgers[0].manifest(event, [day]))
        assert list(manifest.seals) == self.models[event].with_rows(day)
        self.manifests.append((event, day, list(manifest.seals)))

    def record_load(self, event: str, day: date, seals: list[str], late: int) -> None:
        self.fence += 1
        done = load(day, max(self.fence - late, 1), seals, event=event)
        self.stage.run(self.ledgers[1].record_load([done]))
        self.models[event].keep(done)
        self.touched.add(event)

    @invariant()
    def nobody_dies_of_what_may_not_happen(self) -> None:
        for name, worker in list(self.workers.items()):
            if worker.died_of is not None:
                say(f"{name} dies: {worker.died_of}")
                self.stage.happened[f"dies {type(worker.died_of).__name__}"] += 1
                if not isinstance(worker.died_of, Fenced | Transient):
                    raise worker.died_of
                worker.bury()
                self.start_again(worker)

    @invariant()
    def the_ledger_is_the_models(self) -> None:
        self.stage.run(self.compare())

    async def compare(self, *, whole: bool = False) -> None:
        ledger = self.ledgers[2]
        for event, model in self.models.items():
            tps = [partition_name(f"events.{event}.v1", number) for number in PARTITIONS]
            if event in self.touched:
                await compare_ends(ledger, event, model, tps)
            if whole:
                await compare(ledger, event, model, tps)
        self.touched.clear()

    def teardown(self) -> None:
        for worker in getattr(self, "workers", {}).values():
            worker.kill()


@contextmanager
def workers(
    options: LedgerOptions, folder: Path, contracts: Path
) -> Iterator[tuple[type[Workers], Stage]]:
    stage = Stage()
    ledgers = [stage.run(open_ledger(options)) for _ in WORKERS]
    world = {"stage": stage, "ledgers": ledgers, "kinds": kinds_of(contracts), "folder": folder}
    try:
        yield type("Workers", (Workers,), world), stage
    finally:
        for ledger in ledgers:
            stage.run(ledger.close())
        stage.close()
