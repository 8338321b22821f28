"""`forebay topics …`: check the topic files, and see what is made from them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from app.commands.context import AsJson, print_json
from app.contracts.catalogue.page import event_page
from app.contracts.catalogue.site import site
from app.contracts.create_table import create_table
from app.contracts.examples import run_examples
from app.contracts.load import Contracts, load_contracts
from app.contracts.model import Contract
from app.contracts.openapi import openapi
from app.contracts.schema import FILE, schema_text
from app.core.errors import Fatal

topics = typer.Typer(
    help="Check the topic files, and see what is made from them.", no_args_is_help=True
)

Folder = Annotated[
    Path,
    typer.Option("--topics-dir", envvar="TOPICS_DIR", help="The topic files.", metavar="DIR"),
]
Events = Annotated[
    list[str] | None, typer.Argument(help="Event types; otherwise all.", metavar="[EVENT]...")
]
TOPICS = Path("topics")


@topics.command()
def check(topics_dir: Folder = TOPICS, as_json: AsJson = False) -> None:
    """Say everything that is wrong with the topic files; run their examples.

    Exit status 2 if anything is wrong.
    """
    try:
        contracts = load_contracts(topics_dir)
        problems = run_examples(contracts)
    except Fatal as error:
        contracts, problems = Contracts({}, ""), str(error).splitlines()
    examples = sum(len(contract.examples) for contract in contracts.values())
    if as_json:
        print_json({"topics": len(contracts), "examples": examples, "problems": problems})
    if problems and as_json:
        raise typer.Exit(2)
    if problems:
        raise Fatal("\n".join(["the topic files are not right", *problems]))
    if not as_json:
        typer.echo(f"All is good. Topics: {len(contracts)}, examples: {examples}.")


@topics.command()
def table(
    events: Events = None,
    dialect: Annotated[
        Literal["snowflake", "duckdb"], typer.Option(help="Whose SQL.")
    ] = "snowflake",
    topics_dir: Folder = TOPICS,
    as_json: AsJson = False,
) -> None:
    """Print the SQL that creates the tables."""
    sql = {c.event: create_table(c.table, dialect) for c in _chosen(topics_dir, events)}
    if as_json:
        print_json(sql)
    else:
        typer.echo("\n\n".join(sql.values()))


@topics.command("openapi")
def print_openapi(topics_dir: Folder = TOPICS) -> None:
    """Print the gateway's API as OpenAPI 3.1, in JSON."""
    print_json(openapi(load_contracts(topics_dir)))


@topics.command()
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
    chosen = {contract.event: contract for contract in _chosen(topics_dir, events)}
    if out is not None:
        files = dict(site(chosen))
        _write(out, files)
        typer.echo(f"{len(files)} files for {len(chosen)} event types: open {out / 'index.html'}")
        return
    pages = {event: event_page(contract) for event, contract in chosen.items()}
    if as_json:
        print_json(pages)
    else:
        typer.echo("\n\n".join(pages.values()))


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


@topics.command()
def schema(
    write: Annotated[bool, typer.Option("--write", help=f"Write it to DIR/{FILE}.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help=f"Exit 2 unless DIR/{FILE} is up to date.")
    ] = False,
    topics_dir: Folder = TOPICS,
) -> None:
    """Print the JSON Schema of a topic file, with which editors complete and check."""
    path, text = topics_dir / FILE, schema_text()
    if write:
        path.write_text(text, "utf-8")
    elif check:
        if not path.exists() or path.read_text("utf-8") != text:
            raise Fatal(f"{path} is out of date; run `forebay topics schema --write`")
    else:
        typer.echo(text, nl=False)


def _chosen(folder: Path, events: Sequence[str] | None) -> list[Contract]:
    contracts = load_contracts(folder)
    unknown = [event for event in events or () if event not in contracts]
    if unknown:
        raise Fatal(f"no topic file for {', '.join(unknown)}; there is {', '.join(contracts)}")
    return [contracts[event] for event in events or contracts]
