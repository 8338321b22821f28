"""`forebay topics docs`: the catalogue."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from app.commands.output import AsJson, print_json
from app.commands.topics.options import TOPICS, Events, Folder, chosen
from app.contracts.catalogue.page import event_page
from app.contracts.catalogue.site import site


def docs(
    events: Events = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the whole catalogue there, as static web pages.", metavar="DIR"),
    ] = None,
    topics_dir: Folder = TOPICS,
    as_json: AsJson = False,
) -> None:
    """Print a page for each event type, in Markdown; or write the catalogue as a web site.

    The site needs no server and asks no other host: forebay topics docs --out catalogue, then
    open catalogue/index.html.
    """
    wanted = {contract.event: contract for contract in chosen(topics_dir, events)}
    if out is not None:
        files = dict(site(wanted))
        _write(out, files)
        typer.echo(f"{len(files)} files for {len(wanted)} event types: open {out / 'index.html'}")
        return
    pages = {event: event_page(contract) for event, contract in wanted.items()}
    if as_json:
        print_json(pages)
    else:
        typer.echo("\n\n".join(pages.values()))


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
