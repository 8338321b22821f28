"""`forebay topics …`: write, check and compare topic files, and see what is made from them.

A command is one function in a module of this folder, and one line here. Only the one that is
asked for is imported, as some take a second: what it needs of Kafka, S3 or a warehouse it imports
itself, when it runs.
"""

from importlib import import_module
from typing import TYPE_CHECKING

import typer
from typer.core import TyperGroup
from typer.main import get_command

if TYPE_CHECKING:
    from typer._click import Command, Context

# name: (module, function), in the order in which `--help` lists them
COMMANDS = {
    "check": ("check", "check"),
    "lint": ("lint", "print_advice"),
    "diff": ("diff", "compare"),
    "backtest": ("backtest", "backtest"),
    "apply": ("apply", "apply"),
    "infer": ("infer", "infer"),
    "import": ("import_", "import_schema"),
    "new": ("new", "new"),
    "sample": ("sample", "sample"),
    "table": ("show", "table"),
    "openapi": ("show", "print_openapi"),
    "docs": ("docs", "docs"),
    "schema": ("show", "schema"),
}


class Topics(TyperGroup):
    """Finds its commands by name."""

    def list_commands(self, ctx: "Context") -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: "Context", cmd_name: str) -> "Command | None":
        if cmd_name not in COMMANDS:
            return None
        module, function = COMMANDS[cmd_name]
        app = typer.Typer(rich_markup_mode="markdown", add_completion=False)
        app.command(cmd_name)(getattr(import_module(f"{__name__}.{module}"), function))
        return get_command(app)


topics = typer.Typer(
    help="Write, check and compare topic files, and see what is made from them.",
    cls=Topics,
    no_args_is_help=True,
)


@topics.callback()
def _nothing() -> None:
    pass
