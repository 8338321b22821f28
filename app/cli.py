"""The one command, `forebay`."""

import sys

import typer
from rich.console import Console

from app.commands import days, ledger, load, run, stack
from app.commands.audit import audit
from app.commands.demo import demo
from app.commands.send import send
from app.commands.topics import topics
from app.core.errors import ForebayError

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

RUN, DATA, CONFIG = "Run it", "Look at the data", "Configure it"
app.command(rich_help_panel=RUN)(run.run)
app.command(rich_help_panel=RUN)(stack.up)
app.command(rich_help_panel=RUN)(stack.down)
app.command(rich_help_panel=RUN)(demo)
app.command(rich_help_panel=DATA)(send)
app.command(rich_help_panel=DATA)(audit)
app.command(rich_help_panel=DATA)(days.days)
app.command(rich_help_panel=DATA)(load.load)
app.add_typer(ledger.ledger, name="ledger", rich_help_panel=DATA)
app.add_typer(topics, name="topics", rich_help_panel=CONFIG)


def main() -> None:
    """Run a command; what went wrong on purpose is one message, without a traceback."""
    try:
        app()
    except ForebayError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(
            f"forebay: {error}", style="red", markup=False
        )
        sys.exit(2)


if __name__ == "__main__":
    main()
