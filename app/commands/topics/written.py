"""What the commands share that write a topic file: where to, and what they say about it."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from app.commands.output import print_json
from app.contracts.defaults import FILE
from app.contracts.drafts import beside_defaults
from app.contracts.fields import NAME
from app.contracts.schema import FILE as SCHEMA
from app.contracts.topic_yaml import Open, Unreadable, open_decisions, read_yaml
from app.contracts.writing import bare, topic_text
from app.core.errors import Fatal

Out = Annotated[
    Path | None,
    typer.Option(help="Write it there; otherwise it is printed.", metavar="FILE"),
]


def name_of(text: str, what: str) -> str:
    """Return a name if topic files may have it; `what` it names."""
    if not re.fullmatch(NAME, text) or len(text) > 64:
        raise Fatal(
            f"{what} «{text}»: write lower-case words with underscores, such as order_placed, "
            "up to 64 characters"
        )
    return text


def file_text(
    content: Mapping[str, Any], head: Sequence[str], out: Path | None, topics_dir: Path
) -> str:
    """The text of a topic file, without what its app's folder and defaults say."""
    app = bare(content["app"])
    folder = topics_dir / app if out is None else out.parent
    if not isinstance(app, Open):
        content = beside_defaults(content, shared_by(topics_dir, app))
        if folder.resolve() == (topics_dir / app).resolve():
            content = {key: value for key, value in content.items() if key != "app"}
    return topic_text(content, head, os.path.relpath(topics_dir / SCHEMA, folder))


def shared_by(topics_dir: Path, app: str) -> Mapping[str, Any]:
    """What an app's `_app.yaml` says of all its types; nothing without one."""
    path = topics_dir / app / FILE
    if not path.exists():
        return {}
    try:
        found = read_yaml(path)
    except Unreadable as error:
        raise Fatal(f"{path}: {error.where}: {error.what}") from error
    return found if isinstance(found, Mapping) else {}


def deliver(text: str, out: Path | None, report: dict[str, Any], as_json: bool) -> None:
    """Write the file, never over another one, or print it; and print the report.

    Raises:
        Fatal: there is a file already.
    """
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        try:
            with out.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError as error:
            raise Fatal(f"{out} is there already; move it away, or choose another --out") from error
    if as_json:
        print_json({"file": out, "text": text, **report})
    elif out is None:
        typer.echo(text, nl=False)


def decisions_told(content: Mapping[str, Any], out: Path | None) -> str:
    """Say which decisions are open, and what to do then."""
    places = list(open_decisions(bare(content)))
    if not places:
        return "No decision is open."
    named = ", ".join(places[:5]) + (", …" if len(places) > 5 else "")
    file = out or "the file"
    return f"Decide what says TODO in {file} ({len(places)}: {named}); then: forebay topics check"
