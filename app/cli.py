"""The one command, `forebay`."""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

import typer
from typer.core import TyperGroup

from app.core.errors import ForebayError

if TYPE_CHECKING:
    from typer._click import Context, HelpFormatter

RUN, DATA, CONFIG = "Run it", "Look at the data", "Configure it"


class Entry(NamedTuple):
    """Where a command lives, and what `--help` says of it, under which heading."""

    module: str
    name: str
    panel: str
    about: str


COMMANDS = {
    "run": Entry(
        "app.commands.run",
        "run",
        RUN,
        "Be one role: gateway, worker or scheduler, chosen by `ROLE`.",
    ),
    "up": Entry(
        "app.commands.stack",
        "up",
        RUN,
        "Start Kafka, S3, Redis and the three roles on this machine, and keep them running.",
    ),
    "down": Entry(
        "app.commands.stack",
        "down",
        RUN,
        "Stop what `forebay up` started in another terminal. The data stays.",
    ),
    "demo": Entry(
        "app.commands.demo",
        "demo",
        RUN,
        "Run the main job on real input, and prove that the result is exact.",
    ),
    "send": Entry(
        "app.commands.send",
        "send",
        DATA,
        "Send a file of events, and retry what the gateway says to retry.",
    ),
    "audit": Entry(
        "app.commands.audit",
        "audit",
        DATA,
        "Prove that nothing was lost and nothing counted twice, from ledger, Kafka, S3 and "
        "warehouse.",
    ),
    "status": Entry(
        "app.commands.status",
        "status",
        DATA,
        "Say which tables are behind their objective, and why; the worst first.",
    ),
    "trace": Entry(
        "app.commands.trace",
        "trace",
        DATA,
        "Say where an event is: Kafka, seal, object, load, row; or why it is none.",
    ),
    "console": Entry(
        "app.commands.console",
        "console",
        DATA,
        "Serve the web console on this machine: balance, freshness, loads, dead letters.",
    ),
    "days": Entry(
        "app.commands.days",
        "days",
        DATA,
        "List the days of each event type: what was staged, what is loaded, what waits.",
    ),
    "load": Entry(
        "app.commands.load",
        "load",
        DATA,
        "Replace days of the warehouse from the ledger's objects.",
    ),
    "runs": Entry(
        "app.commands.runs",
        "runs",
        DATA,
        "List what the scheduler did: loads and other jobs, how long they took, how they ended.",
    ),
    "pause": Entry(
        "app.commands.pause",
        "pause",
        RUN,
        "Have workers leave a type alone, or schedulers, or both, without a deploy.",
    ),
    "resume": Entry(
        "app.commands.pause",
        "resume",
        RUN,
        "End a pause: within seconds the type goes on where it stood.",
    ),
    "doctor": Entry(
        "app.commands.doctor",
        "doctor",
        RUN,
        "Reach every server that the settings name; say what is wrong, and how to mend it.",
    ),
    "janitor": Entry(
        "app.commands.janitor",
        "janitor",
        RUN,
        "List, and with `--go` remove, what nobody needs any more.",
    ),
    "ledger": Entry(
        "app.commands.ledger",
        "ledger",
        DATA,
        "Read the ledger: what was consumed, seal by seal.",
    ),
    "dead-letters": Entry(
        "app.commands.dead_letters",
        "dead_letters",
        DATA,
        "Look at events that were rejected, mend and send them again, or give them up.",
    ),
    "metrics": Entry(
        "app.commands.metrics",
        "metrics",
        CONFIG,
        "Print the list of all metrics, the alert rules for Prometheus, the dashboard for Grafana.",
    ),
    "settings": Entry(
        "app.commands.settings",
        "settings",
        CONFIG,
        "Print every setting: what it is for, its value, and where that comes from.",
    ),
    "keys": Entry(
        "app.commands.keys",
        "keys",
        CONFIG,
        "Make keys for the apps that send, and check the file that the gateway reads.",
    ),
    "topics": Entry(
        "app.commands.topics",
        "topics",
        CONFIG,
        "Write, check and compare topic files, and see what is made from them.",
    ),
}


class Overview(TyperGroup):
    """What there is, as plain text: `rich` alone takes longer to import than the answer should."""

    def format_commands(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        for panel in (RUN, DATA, CONFIG):
            with formatter.section(panel):
                rows = [(name, e.about) for name, e in COMMANDS.items() if e.panel == panel]
                formatter.write_dl(rows)


def command_line(*wanted: str) -> typer.Typer:
    """Make the command line. Only `wanted` commands can be run; of the others there is what
    `--help` says.

    Importing them all takes seconds, and a role, which is a command too, 30 MB.
    """
    app = typer.Typer(
        name="forebay",
        help=(
            "Every app's analytics events in the warehouse once each, by the day they happened.\n\n"
            "Start with `forebay demo`, or `forebay up` for a stack that stays."
        ),
        no_args_is_help=True,
        cls=TyperGroup if wanted else Overview,
        rich_markup_mode="markdown" if wanted else None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_nothing)  # or a single command would lose its name
    for name, entry in COMMANDS.items():
        command = getattr(import_module(entry.module), entry.name) if name in wanted else _nothing
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name, rich_help_panel=entry.panel)
        else:
            about = None if name in wanted else entry.about
            app.command(name, help=about, rich_help_panel=entry.panel)(command)
    return app


def _nothing() -> None:
    pass


def main() -> None:
    """Run a command; what went wrong on purpose is one message, without a traceback."""
    first = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        command_line(*([first] if first in COMMANDS else []))()
    except ForebayError as error:
        from rich.console import Console

        Console(stderr=True, highlight=False, soft_wrap=True).print(
            f"forebay: {error}", style="red", markup=False
        )
        sys.exit(2)


if __name__ == "__main__":
    main()
