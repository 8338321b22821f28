"""How commands print: for people, and with `--json` for machines. Imports nothing that is slow."""

from typing import Annotated, Any

import orjson
import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def console() -> Console:
    """For people; colours only on a terminal."""
    return Console(highlight=False)


def listing(*columns: str, names: int = 1, title: str | None = None) -> Table:
    """A table for a terminal of 80 columns: the first `names` columns stay on one line, the
    numbers after them stand to the right, and nothing is cut."""
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE,
        pad_edge=False,
        collapse_padding=True,
    )
    for index, column in enumerate(columns):
        if index < names:
            table.add_column(column, no_wrap=True)
        else:
            table.add_column(column, justify="right", overflow="fold")
    return table


def print_json(value: Any) -> None:
    """For machines: one JSON document on standard output."""
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str))
