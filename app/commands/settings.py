"""`forebay settings`: what this process would run with."""

import os
from typing import Annotated

import typer

from app.commands.context import DATA_DIR, DataDir, settings_here
from app.commands.output import AsJson, console, listing, print_json


def settings(
    changed: Annotated[
        bool, typer.Option("--changed", help="Only those that are not at their default.")
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Print every setting: what it is for, its value, and where that comes from.

    Secrets are never shown, only whether they are set.
    """
    from app.settings_list import DEFAULT, listed

    before = set(os.environ)
    found = settings_here(data_dir)
    every = listed(found, from_stack=set(os.environ) - before)
    rows = [one for one in every if not (changed and one.origin == DEFAULT)]
    if as_json:
        print_json([one._asdict() for one in rows])
        return
    table = listing("setting", "value", "from")
    table.columns[1].justify = "left"
    table.columns[1].overflow = "fold"
    for one in rows:
        table.add_row(one.name, str(one.value), one.origin)
    console().print(table)
    for one in rows:
        if one.about:
            console().print(f"{one.name}: {one.about}", soft_wrap=True, markup=False)
