"""The one command, `forebay`."""

import sys
from importlib import import_module
from typing import NamedTuple

import typer
from rich.console import Console

from app.core.errors import ForebayError

RUN, DATA, CONFIG = "Run it", "Look at the data", "Configure it"


class Entry(NamedTuple):
    """Where a command lives, and under which heading `--help` shows it."""

    module: str
    name: str
    panel: str


COMMANDS = {
    "run": Entry("app.commands.run", "run", RUN),
    "up": Entry("app.commands.stack", "up", RUN),
    "down": Entry("app.commands.stack", "down", RUN),
    "demo": Entry("app.commands.demo", "demo", RUN),
    "send": Entry("app.commands.send", "send", DATA),
    "audit": Entry("app.commands.audit", "audit", DATA),
    "days": Entry("app.commands.days", "days", DATA),
    "load": Entry("app.commands.load", "load", DATA),
    "ledger": Entry("app.commands.ledger", "ledger", DATA),
    "topics": Entry("app.commands.topics", "topics", CONFIG),
}


def command_line(*wanted: str) -> typer.Typer:
    """Make the command line of the `wanted` commands; without any, of all.

    A role is a command too, and importing all the others would cost it 30 MB.
    """
    app = typer.Typer(
        name="forebay",
        help=(
            "Every app's analytics events in the warehouse once each, by the day they happened.\n\n"
            "Start with `forebay demo`, or `forebay up` for a stack that stays."
        ),
        no_args_is_help=True,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_nothing)  # or a single command would lose its name
    for name in wanted or COMMANDS:
        entry = COMMANDS[name]
        command = getattr(import_module(entry.module), entry.name)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name, rich_help_panel=entry.panel)
        else:
            app.command(name, rich_help_panel=entry.panel)(command)
    return app


def _nothing() -> None:
    pass


def main() -> None:
    """Run a command; what went wrong on purpose is one message, without a traceback."""
    first = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        command_line(*([first] if first in COMMANDS else []))()
    except ForebayError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(
            f"forebay: {error}", style="red", markup=False
        )
        sys.exit(2)


if __name__ == "__main__":
    main()
