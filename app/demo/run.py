"""The demo, step by step: servers, gateway and worker, traffic, scheduler, audit."""

import asyncio
import os
import shutil
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from app.assemble import contracts_of, opened_ledger, opened_objects, opened_warehouse, tables_of
from app.audit import AuditReport, KafkaLogs, audit, kafka_logs
from app.contracts.load import Contracts
from app.core.errors import Fatal
from app.core.seal import partition_name
from app.demo.balance import Check, checks
from app.demo.cost import Cost, cost_of
from app.demo.input import COUNT
from app.demo.sending import send_all
from app.demo.show import Bars
from app.demo.traffic import Sent
from app.ledger.protocol import Ledger
from app.local.ports import free_port
from app.local.role import LocalRole
from app.local.stack import LocalStack
from app.send import SendReport
from app.settings import Settings, read_settings
from sinks.protocol import ObjectStore, Warehouse

POLL_SECONDS = 0.5
START_SECONDS = 90.0
STALL_SECONDS = 120.0
SEAL_SECONDS = 5.0
"""Seals are cut by age a little faster than in production, so that the end does not drag on."""


@dataclass
class DemoReport:
    """All that the demo has seen."""

    sent: dict[str, Sent] = field(default_factory=dict)
    answers: dict[str, SendReport] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    costs: dict[str, Cost] = field(default_factory=dict)
    exit_codes: dict[str, int | None] = field(default_factory=dict)
    dead: dict[str, Counter[str]] = field(default_factory=dict)
    rows: dict[str, Mapping[date, int]] = field(default_factory=dict)
    objects: dict[str, tuple[int, int]] = field(default_factory=dict)  # number, bytes
    audit: AuditReport | None = None
    checks: list[Check] = field(default_factory=list)

    @property
    def exact(self) -> bool:
        return all(check.holds for check in self.checks)


@dataclass(frozen=True)
class _Scene:
    """What the steps work with."""

    settings: Settings
    environment: Mapping[str, str]
    contracts: Contracts
    ledger: Ledger
    objects: ObjectStore
    warehouse: Warehouse
    logs: KafkaLogs
    log_dir: Path
    report: DemoReport
    bars: Bars


async def demo(data_dir: Path, bars: Bars) -> DemoReport:
    """Run the main job on real input, in a fresh `data_dir`, and check the result.

    Raises:
        Fatal: a server or a role did not start, or something stood still for two minutes.
    """
    _clear(data_dir)
    report = DemoReport()
    async with AsyncExitStack() as stack:
        bars.say("starting Kafka, S3 and Redis")
        servers = await stack.enter_async_context(LocalStack(data_dir))
        environment = {
            **servers.environment,
            "SEAL__MAX_AGE_SECONDS": str(SEAL_SECONDS),
            "SCHEDULER__TICK_SECONDS": "1",
        }
        os.environ.update(environment)  # this process is the demo's own
        settings = read_settings()
        ledger = await stack.enter_async_context(opened_ledger(settings))
        objects = await stack.enter_async_context(opened_objects(settings))
        scene = _Scene(
            settings=settings,
            environment=environment,
            contracts=contracts_of(settings),
            ledger=ledger,
            objects=objects,
            warehouse=await stack.enter_async_context(opened_warehouse(settings, objects)),
            logs=kafka_logs(settings.kafka),
            log_dir=servers.data_dir / "log",
            report=report,
            bars=bars,
        )
        await _send_and_seal(scene)
        await _load(scene)
        await _prove(scene)
    return report


def _clear(data_dir: Path) -> None:
    """Forget the last demo; never anything that is not one."""
    marker = data_dir / "forebay-demo"
    if data_dir.exists() and any(data_dir.iterdir()):
        if not marker.exists():
            raise Fatal(f"{data_dir} is not empty and no demo's folder: name another --data-dir")
        shutil.rmtree(data_dir)
    data_dir.mkdir(parents=True, exist_ok=True)
    marker.touch()


async def _send_and_seal(scene: _Scene) -> None:
    scene.bars.say("starting the gateway and a worker")
    gateway, worker = (_role(scene, role) for role in ("gateway", "worker"))
    try:
        await asyncio.gather(gateway.start(), worker.start())
        began = time.monotonic()
        sealed = asyncio.create_task(_until_sealed(scene, all_sent := asyncio.Event()))
        for kind in COUNT:
            sent = scene.report.sent[kind] = Sent()
            with scene.bars.sending(kind, COUNT[kind]) as advance:
                scene.report.answers[kind] = await send_all(
                    scene.contracts[kind], scene.settings.kafka.brokers, gateway.url, sent, advance
                )
        scene.report.seconds["send"] = time.monotonic() - began
        all_sent.set()
        await sealed
        scene.report.seconds["seal"] = time.monotonic() - began
        scene.report.costs |= {"gateway": cost_of(gateway), "worker": cost_of(worker)}
    finally:
        await asyncio.gather(_leave(scene, gateway), _leave(scene, worker))


async def _load(scene: _Scene) -> None:
    scene.bars.say("starting the scheduler")
    scheduler = _role(scene, "scheduler")
    began = time.monotonic()
    try:
        await scheduler.start()
        await _until_loaded(scene)
        scene.report.seconds["load"] = time.monotonic() - began
        scene.report.costs["scheduler"] = cost_of(scheduler)
    finally:
        await _leave(scene, scheduler)


def _role(scene: _Scene, role: str) -> LocalRole:
    return LocalRole(
        role,
        free_port(),
        scene.environment,
        log_file=scene.log_dir / f"{role}.log",
        start_seconds=START_SECONDS,
    )


async def _leave(scene: _Scene, role: LocalRole) -> None:
    await role.stop()
    scene.report.exit_codes[role.name] = role.exit_code


async def _until_sealed(scene: _Scene, all_sent: asyncio.Event) -> None:
    """Wait until the ledger's cursors are at the ends of the logs."""
    with scene.bars.sealing() as show:
        still = _Still("the worker", scene.log_dir / "worker.log")
        while True:
            complete = all_sent.is_set()  # asked before the ends are read
            sealed, end = await _progress(scene)
            show(sealed, end)
            if complete and sealed == end:
                return
            still.check(sealed, end)
            await asyncio.sleep(POLL_SECONDS)


async def _progress(scene: _Scene) -> tuple[int, int]:
    wanted = [scene.contracts[kind] for kind in COUNT]
    ends = await scene.logs([contract.topic for contract in wanted])
    cursors = await scene.ledger.cursors(
        [partition_name(c.topic, n) for c in wanted for n in range(c.partitions)]
    )
    return sum(c.next for c in cursors.values()), sum(log.end for log in ends.values())


async def _until_loaded(scene: _Scene) -> None:
    """Wait until no day is dirty."""
    with scene.bars.loading() as show:
        still = _Still("the scheduler", scene.log_dir / "scheduler.log")
        total = 0
        while True:
            left = sum([len(await scene.ledger.dirty(kind)) for kind in COUNT])
            total = max(total, left)
            show(total - left, total)
            if not left:
                return
            still.check(left)
            await asyncio.sleep(POLL_SECONDS)


class _Still:
    """Notices when something has stood still for too long."""

    def __init__(self, who: str, log_file: Path) -> None:
        self._who, self._log_file = who, log_file
        self._last: tuple[int, ...] = ()
        self._since = time.monotonic()

    def check(self, *numbers: int) -> None:
        if numbers != self._last:
            self._last, self._since = numbers, time.monotonic()
        elif time.monotonic() - self._since > STALL_SECONDS:
            raise Fatal(f"{self._who} stands still; its log is {self._log_file}")


async def _prove(scene: _Scene) -> None:
    scene.bars.say("auditing")
    report = scene.report
    for kind in COUNT:
        report.dead[kind] = Counter()
        async for seal in scene.ledger.seals(kind):
            report.dead[kind].update(seal.dead_by_reason)
        totals = await scene.ledger.totals(kind)
        report.objects[kind] = sum(d.objects for d in totals), sum(d.bytes for d in totals)
        report.rows[kind] = await scene.warehouse.count(scene.contracts[kind].table)
    report.audit = await audit(
        scene.ledger,
        scene.logs,
        scene.objects,
        scene.warehouse,
        tables_of(scene.contracts),
        {c.event: (c.topic, c.partitions) for c in scene.contracts.values()},
    )
    peaks = {role: cost.peak_bytes for role, cost in report.costs.items()}
    report.checks = [
        *checks(report.sent, report.dead, report.rows, report.audit, peaks),
        *(Check(f"{role} left with", 0, code) for role, code in report.exit_codes.items()),
    ]
