"""What is made from the topic files: SQL, the API, the editors' schemas."""

from typing import Annotated, Literal

import typer

from app.commands.output import AsJson, print_json
from app.commands.topics.options import TOPICS, Events, Folder, chosen
from app.contracts.create_table import create_table
from app.contracts.load import load_contracts
from app.contracts.openapi import openapi
from app.contracts.schema import (
    app_file_schema,
    schema_files,
    schema_text,
    topic_file_schema,
)
from app.core.errors import Fatal


def table(
    events: Events = None,
    dialect: Annotated[
        Literal["snowflake", "duckdb"], typer.Option(help="Whose SQL.")
    ] = "snowflake",
    topics_dir: Folder = TOPICS,
    as_json: AsJson = False,
) -> None:
    """Print the SQL that creates the tables."""
    sql = {c.event: create_table(c.table, dialect) for c in chosen(topics_dir, events)}
    if as_json:
        print_json(sql)
    else:
        typer.echo("\n\n".join(sql.values()))


def print_openapi(topics_dir: Folder = TOPICS) -> None:
    """Print the gateway's API as OpenAPI 3.1, in JSON."""
    print_json(openapi(load_contracts(topics_dir)))


def schema(
    app: Annotated[bool, typer.Option("--app", help="That of _app.yaml instead.")] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Write all generated files of DIR.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Exit 2 unless they are up to date.")
    ] = False,
    topics_dir: Folder = TOPICS,
) -> None:
    """Print the JSON Schema of a topic file, with which editors complete and check.

    Generated files are that schema, that of _app.yaml and LANGUAGE.md, the language's reference.
    """
    for path, text in schema_files(topics_dir).items() if write or check else ():
        if write:
            path.write_text(text, "utf-8")
        elif not path.exists() or path.read_text("utf-8") != text:
            raise Fatal(f"{path} is out of date; run `forebay topics schema --write`")
    if not write and not check:
        typer.echo(schema_text(app_file_schema() if app else topic_file_schema()), nl=False)
