"""`forebay topics import`: a topic file from a JSON Schema."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from app.commands.output import AsJson
from app.commands.topics.options import TOPICS, Folder
from app.commands.topics.written import Out, decisions_told, deliver, file_text, name_of
from app.contracts.imports.contents import LEVELS, contents
from app.contracts.imports.read import read_schema
from app.contracts.topic_yaml import open_decisions
from app.contracts.writing import TODO, bare


def import_schema(
    json_schema: Annotated[
        Path,
        typer.Option(exists=True, dir_okay=False, help="Of draft-07 to 2020-12.", metavar="FILE"),
    ],
    event: Annotated[str, typer.Option(help="What the event type shall be called.")],
    app: Annotated[str, typer.Option(help="The app that sends it.")] = "",
    out: Out = None,
    levels: Annotated[
        int, typer.Option(min=1, max=7, help="What lies deeper in objects and lists is json.")
    ] = LEVELS,
    topics_dir: Folder = TOPICS,
    as_json: AsJson = False,
) -> None:
    """Write a topic file from a JSON Schema.

        forebay topics import --json-schema order.json --event order_placed --app shop

    What a schema does not decide says TODO: what may be done with personal data, whom to ask,
    which field is the key. What a topic file can not say is left out, and told in a comment: more
    is accepted then than the schema allows. The rules:

    * Named properties become fields, nested ones too; an object without names (a map), a list
    whose places differ, and a schema that holds itself again are json.

    * oneOf and anyOf: without null, which makes it optional. Objects are merged: what all of them
    require is required, any other field may be absent. Values of one type get the wider bounds
    and all values of their enums. Anything else is json.

    * allOf, and what stands beside a $ref: all of it holds; the narrower bounds.

    * $ref: within the file, or to a file beside it.

    * enum and const: one_of for strings; bounds for numbers. format: date-time, date and uuid are
    types; email, uri, ipv4 and ipv6 are formats.

    * additionalProperties: false is unknown: reject; else unknown: keep, so that nothing is lost.

    * not, if/then/else, dependent… and propertyNames are not looked at.

    In two points the file is stricter than the schema: a format must hold, and a whole number has
    no decimal point.
    """
    name = name_of(event, "--event")
    shape = read_schema(json_schema)
    content = contents(shape, name, name_of(app, "--app") if app else TODO, levels)
    head = [f"Imported from the JSON Schema {json_schema.name}. Decide what says TODO."]
    text = file_text(content, head, out, topics_dir)
    deliver(text, out, {"todo": list(open_decisions(bare(content)))}, as_json)
    screen = Console(stderr=True, highlight=False, soft_wrap=True)
    screen.print(decisions_told(content, out), markup=False)
