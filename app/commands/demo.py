"""`forebay demo`: the whole way on real input."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from app.commands.audit import closing
from app.commands.output import AsJson, console, listing, print_json
from app.demo.input import COUNT
from app.demo.run import DemoReport
from app.demo.run import demo as run_demo
from app.demo.show import Bars
from app.logs import set_up_logs

DEMO_DIR = Path(".forebay/demo")


def demo(
    data_dir: Annotated[
        Path, typer.Option("--data-dir", help="A folder of the demo's own; cleared first.")
    ] = DEMO_DIR,
    as_json: AsJson = False,
) -> None:
    """Run the main job on real input, and prove that the result is exact.

    Starts Kafka, S3, Redis and the three roles, sends the 336,776 flights that left New York in
    2013 and 26,115 hours of weather (one batch in ten straight to Kafka, one in five twice, some
    events broken on purpose), replaces the days in the warehouse, and audits.

    Exit code 0: the balance is exact; 1: it is not, and what differs is named.
    """
    set_up_logs("WARNING", "text")
    bars = Bars(Console(stderr=True, highlight=False))
    with bars.shown():
        report = asyncio.run(run_demo(data_dir, bars))
    if as_json:
        print_json(as_plain(report))
    else:
        console().print(render(report))
    raise typer.Exit(0 if report.exact else 1)


def render(report: DemoReport) -> RenderableType:
    """The report for people: what was sent, what became of it, what it cost, what must hold."""
    tables = (_sent(report), _landed(report), _dead(report), _stored(report), _pace(report))
    parts: list[RenderableType] = [*tables, _checks(report)]
    if report.audit is not None:
        parts.append(closing(report.audit))
    verdict = (
        Text("Every check holds: each event is in the warehouse once.", style="bold green")
        if report.exact
        else Text("NOT as it must be: see the checks marked ✗.", style="bold red")
    )
    return Group(*parts, verdict)


def _numbers(table: Table, name: str, *numbers: int) -> None:
    table.add_row(name, *(f"{number:,}" for number in numbers))


def _sent(report: DemoReport) -> Table:
    table = listing(
        "event", "new", "again", "broken", "by HTTP", "to Kafka", "accepted", title="Sent"
    )
    for kind, sent in report.sent.items():
        by_http, broken = sent.ways["http"], sum(sent.broken.values())
        direct = sent.ways.total() - by_http
        parts = sent.new.total(), sent.again.total(), broken, by_http, direct
        _numbers(table, kind, *parts, report.answers[kind].accepted)
    return table


def _landed(report: DemoReport) -> Table:
    table = listing(
        "event", "received", "duplicates", "dead", "staged", "collapsed", "rows", title="Landed"
    )
    assert report.audit is not None
    names = ("received", "duplicates", "dead", "staged", "collapsed", "loaded")
    for kind in report.audit.types:
        if kind.event in COUNT:
            _numbers(table, kind.event, *(kind.totals[name] for name in names))
    return table


def _stored(report: DemoReport) -> Table:
    table = listing("event", "objects", "bytes", "days", title="Stored")
    for kind, (objects, size) in report.objects.items():
        _numbers(table, kind, objects, size, len(report.rows[kind]))
    return table


def _dead(report: DemoReport) -> Table:
    reasons = sorted({reason for dead in report.dead.values() for reason in dead})
    table = listing("event", *reasons, title="Dead letters")
    for kind, dead in report.dead.items():
        _numbers(table, kind, *(dead[reason] for reason in reasons))
    return table


def _pace(report: DemoReport) -> Table:
    """Stages overlap: sealing is timed from the first event sent to the last one sealed."""
    table = listing(
        "role", "events", "seconds", "events/s", "µs CPU/event", "peak RSS", title="Pace"
    )
    assert report.audit is not None
    by_http = sum(sent.ways["http"] for sent in report.sent.values())
    totals = report.audit.totals
    rows = sum(sum(rows.values()) for rows in report.rows.values())
    for role, stage, count in (
        ("gateway", "send", by_http),
        ("worker", "seal", totals["received"]),
        ("scheduler", "load", rows),
    ):
        seconds, cost = report.seconds[stage], report.costs[role]
        table.add_row(
            role,
            f"{count:,}",
            f"{seconds:.1f}",
            f"{count / seconds:,.0f}",
            f"{cost.cpu_seconds / count * 1e6:.1f}",
            f"{cost.peak_bytes / 1e6:.0f} MB",
        )
    return table


def _checks(report: DemoReport) -> Text:
    text = Text("Checked\n", style="")
    text.stylize("bold")
    for check in report.checks:
        if check.holds:
            text.append(f"  ✓ {check.what}: {_plain(check.found)}\n", style="not bold")
        else:
            told = f"{_plain(check.found)}, must be {_plain(check.expected)}"
            text.append(f"  ✗ {check.what}: {told}\n", style="not bold red")
    return text


def _plain(value: object) -> str:
    match value:
        case dict():
            return ", ".join(f"{number} {name}" for name, number in sorted(value.items()))
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case _:
            return str(value)


def as_plain(report: DemoReport) -> dict[str, Any]:
    """The report for machines."""
    return {
        "exact": report.exact,
        "checks": [asdict(check) | {"holds": check.holds} for check in report.checks],
        "sent": {
            kind: {
                "new": sent.new.total(),
                "again": sent.again.total(),
                "broken": sent.broken.total(),
                "ways": dict(sent.ways),
            }
            for kind, sent in report.sent.items()
        },
        "gateway_answers": {kind: answer.as_json() for kind, answer in report.answers.items()},
        "dead_by_reason": {kind: dict(dead) for kind, dead in report.dead.items()},
        "rows": {kind: sum(rows.values()) for kind, rows in report.rows.items()},
        "seconds": report.seconds,
        "costs": {role: asdict(cost) for role, cost in report.costs.items()},
        "exit_codes": report.exit_codes,
        "audit": report.audit.as_json() if report.audit else None,
    }
