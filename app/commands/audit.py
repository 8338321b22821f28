"""`forebay audit`: prove that nothing was lost and nothing counted twice."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from app.audit import AuditReport, KafkaLogs, kafka_logs
from app.audit import audit as prove
from app.audit.memory import forget_all, memory_of
from app.audit.proof import Progress as OnProgress
from app.audit.report import TypeBalance
from app.commands.context import DATA_DIR, DataDir, Parts, opened_parts, settings_here
from app.commands.output import AsJson, console, listing, print_json
from app.commands.progress import watched
from app.settings import Settings

SHOWN_FINDINGS = 50


def audit(
    deep: Annotated[
        bool, typer.Option("--deep", help="Also download every object and check each row.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Forget what earlier audits read, and read it all again.")
    ] = False,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help="List objects and compare rows only of days changed since the last one."
        ),
    ] = False,
    memory: Annotated[
        Path | None,
        typer.Option(
            "--memory",
            metavar="FILE",
            help="What audits have read. [default: DIR/audit-….db, one for each ledger]",
        ),
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Prove that nothing was lost and nothing counted twice, from ledger, Kafka, S3 and warehouse.

    Reads only, and may run beside everything else. Of the ledger it reads what has changed since
    the last audit. Exit code 0: balanced; 1: something does not add up, and is named; 2: it could
    not be found out.
    """
    if full and quick:
        raise typer.BadParameter("--full reads everything, --quick as little as it can: take one.")
    settings = settings_here(data_dir)
    file = memory or data_dir / memory_of(settings.ledger)
    if full:
        forget_all(file)
    report = asyncio.run(_audit(settings, file, deep=deep, quick=quick))
    if as_json:
        print_json(report.as_json())
    else:
        console().print(render(report))
    raise typer.Exit(report.exit_code)


async def _audit(settings: Settings, memory: Path, *, deep: bool, quick: bool) -> AuditReport:
    async with opened_parts(settings) as parts:
        logs = kafka_logs(settings.kafka)
        with watched(Console(stderr=True)) as progress:
            return await audit_parts(
                parts, logs, deep=deep, quick=quick, memory=memory, progress=progress
            )


async def audit_parts(
    parts: Parts,
    logs: KafkaLogs,
    *,
    deep: bool,
    progress: OnProgress,
    quick: bool = False,
    memory: Path | None = None,
) -> AuditReport:
    """Audit everything that the topic files name, and whatever else the ledger knows."""
    contracts = parts.contracts.values()
    return await prove(
        parts.ledger,
        logs,
        parts.objects,
        parts.warehouse,
        {contract.event: contract.table for contract in contracts},
        {contract.event: (contract.topic, contract.partitions) for contract in contracts},
        deep=deep,
        quick=quick,
        memory=memory,
        progress=progress,
    )


def render(report: AuditReport) -> RenderableType:
    """The report for people: days, partitions, what does not add up, and one closing sentence."""
    parts: list[RenderableType] = [
        _days(report, "received", "staged", "duplicates", "dead", "filtered"),
        _days(report, "rows", "loaded", "collapsed", *_hidden(report), "in_flight", "residual"),
        _partitions(report),
        *_letters(report),
    ]
    if idle := sum(kind.idle for kind in report.types):
        parts.append(Text(f"{idle} other type{'s' * (idle > 1)}: nothing received", style="dim"))
    parts += [Text(f"· {note}", style="dim") for note in report.notes]
    parts += [Text(f"✗ {found.text}", style="red") for found in report.findings[:SHOWN_FINDINGS]]
    if hidden := report.found.counts.total() - min(SHOWN_FINDINGS, len(report.findings)):
        parts.append(Text(f"✗ … and {hidden} more; --json lists them.", style="red"))
    return Group(*parts, closing(report))


def closing(report: AuditReport) -> Text:
    """`Balanced: …` or `NOT balanced: …`."""
    sums = {name: f"{n:,}" for name, n in report.totals.items()}
    if not report.balanced:
        by_kind = ", ".join(f"{n} {kind}" for kind, n in report.found.counts.most_common())
        return Text(f"NOT balanced: {by_kind}.", style="bold red")
    filtered = f" + {sums['filtered']} filtered" if report.totals["filtered"] else ""
    hidden = f" + {sums['hidden']} of runs that are not shown" if report.totals["hidden"] else ""
    exploded = report.totals["rows"] != report.totals["staged"]
    return Text(
        f"Balanced: {sums['received']} received = {sums['staged']} staged + "
        f"{sums['duplicates']} duplicates + {sums['dead']} dead letters{filtered}; "
        f"{sums['rows']} {'rows' if exploded else 'staged'} = "
        f"{sums['loaded']} in the warehouse + {sums['collapsed']} "
        f"collapsed at load{hidden} + {sums['in_flight']} waiting for a load. "
        f"{report.seals:,} seals, {report.objects.named:,} "
        f"{'changed ' if report.quick else ''}objects"
        f"{' read and checked' if report.deep else ' there, as they were stored'}; "
        f"{sums['lag']} offsets still to be read.",
        style="bold green",
    )


def _hidden(report: AuditReport) -> list[str]:
    """A column for rows that are not shown, if there are any."""
    return ["hidden"] if report.totals["hidden"] else []


def _days(report: AuditReport, *names: str) -> Table:
    """One identity: the first count is the sum of the others, but for the residual."""
    table = listing("event", "days", *(name.replace("_", " ") for name in names), names=2)
    for kind in _active(report):
        sums = kind.totals
        table.add_row(kind.event, _span(kind), *(_number(name, sums[name]) for name in names))
        for day in kind.days:
            if day.residual:
                numbers = (_number(name, getattr(day, name)) for name in names)
                table.add_row("", day.day.isoformat(), *numbers)
    return table


def _active(report: AuditReport) -> list[TypeBalance]:
    return [kind for kind in report.types if not kind.idle]


def _span(kind: TypeBalance) -> str:
    if not kind.days:
        return "–"
    return f"{kind.days[0].day}" if len(kind.days) == 1 else f"{len(kind.days)}"


def _number(name: str, value: int) -> Text:
    return Text(f"{value:,}", style="red" if name == "residual" and value else "")


def _partitions(report: AuditReport) -> Table:
    names = ("event", "partitions", "entries", "records", "to read", "gaps", "overlaps")
    table = listing(*names, "incidents")
    for kind in _active(report):
        lists = ("gaps", "overlaps", "incidents")
        table.add_row(
            kind.event,
            str(len(kind.partitions)),
            *(f"{sum(getattr(p, n) for p in kind.partitions):,}" for n in names[2:4]),
            f"{kind.totals['lag']:,}",
            *(_red_if_any(sum(len(getattr(p, n)) for p in kind.partitions)) for n in lists),
        )
    return table


def _letters(report: AuditReport) -> list[Table]:
    """What became of dead letters, if there are any."""
    kinds = [kind for kind in report.types if kind.totals["dead"]]
    if not kinds:
        return []
    table = listing("event", "dead letters", "replayed", "dropped", "open")
    for kind in kinds:
        numbers = (kind.totals["dead"], kind.letters.replayed, kind.letters.dropped)
        table.add_row(kind.event, *(f"{number:,}" for number in (*numbers, kind.open_letters)))
    return [table]


def _red_if_any(count: int) -> Text:
    return Text(f"{count:,}", style="red" if count else "")
