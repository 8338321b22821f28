"""`forebay topics new`: a topic file from questions, or from options."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from app.commands.output import AsJson
from app.commands.topics.options import TOPICS, Folder
from app.commands.topics.written import decisions_told, deliver, file_text, name_of, shared_by
from app.contracts.drafts import draft
from app.contracts.load import read_folder
from app.contracts.new import (
    EXAMPLE,
    FORM,
    Spec,
    field_of,
    likely_day,
    likely_key,
    likely_partition,
    verified,
)
from app.contracts.topic_yaml import open_decisions
from app.contracts.writing import bare
from app.core.errors import Fatal

Answer = TypeVar("Answer")
NO_DAY = (
    "no field says when it happened; add one that is a timestamp and not optional, such as "
    "«occurred_at timestamp: When it happened.»"
)
NO_KEY = (
    "no field tells two events apart; add one that is not optional, such as "
    "«event_id uuid: Made by the producer, and the same on every retry.»"
)


def new(
    event: Annotated[str, typer.Option(help="What it is called, such as order_placed.")] = "",
    app: Annotated[str, typer.Option(help="The app that sends it.")] = "",
    summary: Annotated[str, typer.Option(help="What happened, in a sentence.")] = "",
    team: Annotated[str, typer.Option(help="Whom to ask about it.")] = "",
    chat: Annotated[str, typer.Option(help='The team\'s channel, such as "#checkout-data".')] = "",
    field: Annotated[
        list[str] | None, typer.Option(help=f"{FORM}; once for each.", metavar="FIELD")
    ] = None,
    day: Annotated[str, typer.Option(help="The field that says when it happened.")] = "",
    by: Annotated[str, typer.Option(help="The field that tells two events apart.")] = "",
    key: Annotated[str, typer.Option(help="The field whose events keep their order.")] = "",
    out: Annotated[
        Path | None, typer.Option(help="Where; otherwise DIR/APP/EVENT.yaml.", metavar="FILE")
    ] = None,
    topics_dir: Folder = TOPICS,
    as_json: AsJson = False,
) -> None:
    """Write a topic file: ask for what no option says.

    The file passes `forebay topics check`; its two examples are made up. A field is one line:

        order_id string max_length=64 pii=keep: The number printed on the receipt.

    Types: string, integer, number, decimal (scale=2), boolean, uuid, timestamp, date, json. Options
    are those of the file, such as optional, one_of=small,medium or minimum=0. Strings and json need
    pii=keep, hash or drop.

    Without questions:

        forebay topics new --event cart_left --app shop --summary "A customer left a full cart."
        --team checkout --chat "#checkout" --field "cart_id uuid: The cart, by its number."
        --field "left_at timestamp: When the page was closed."
    """
    name = _asked("Event, such as order_placed", event, lambda text: name_of(text, "--event"))
    where = _new_place(topics_dir, name)
    source = _asked("App that sends it", app, lambda text: name_of(text, "--app"))
    told = _asked("What happened, in a sentence", summary, _sentence)
    owners = _owners(shared_by(topics_dir, source), team, chat)
    fields = _fields(field)
    day, by, key = _keys(fields, name, (day, by, key), asked=field is None)
    content = draft(
        name, app=source, summary=told, owners=owners, fields=fields, day=day, by=by, key=key
    )
    path = out or where / source / f"{name}.yaml"
    verified(path, bare(content))
    text = file_text(content, [], path, topics_dir)
    deliver(text, path, {"todo": list(open_decisions(bare(content)))}, as_json)
    typer.echo(f"Written: {path}. {decisions_told(content, path)}", err=True)


def _asked(question: str, given: str, read: Callable[[str], Answer], default: str = "") -> Answer:
    """Read what an option says; without one ask, until the answer can be read."""
    if given:
        return read(given)
    while True:
        answer = _prompt(question, default)
        try:
            return read(answer)
        except Fatal as error:
            typer.echo(str(error).removeprefix("--"), err=True)


def _prompt(question: str, default: str = "") -> str:
    try:
        answer = typer.prompt(question, default=default or None, err=True)
    except typer.Abort as error:
        raise Fatal(f"{question}: there is nobody to ask; see forebay topics new --help") from error
    return str(answer).strip()


def _new_place(topics_dir: Path, event: str) -> Path:
    """The folder, if no file in it has that event already."""
    if topics_dir.is_dir():
        for path, contract in read_folder(topics_dir).contracts.items():
            if contract.event == event:
                raise Fatal(f"{event} is in {path} already; change it there, or take another name")
    return topics_dir


def _sentence(text: str) -> str:
    if len(text) < 10:
        raise Fatal("--summary: write a sentence of at least 10 characters")
    return text


def _owners(shared: Mapping[str, Any], team: str, chat: str) -> Mapping[str, str]:
    """Who owns it, which the app's defaults may say."""
    known = shared.get("owners", {})
    return {
        "team": team or known.get("team") or _prompt("Team that owns it"),
        "chat": chat or known.get("chat") or _prompt("Its channel, such as #checkout-data"),
    }


def _fields(given: Sequence[str] | None) -> dict[str, Spec]:
    if given is not None:
        return dict(_field(line) for line in given)
    typer.echo(
        f"Fields, one a line, as {FORM}. Such as:\n  {EXAMPLE}\nAn empty line ends.", err=True
    )
    fields: dict[str, Spec] = {}
    while line := _line("Field"):
        try:
            name, spec = field_of(line)
        except ValueError as error:
            typer.echo(str(error), err=True)
            continue
        fields[name] = spec
    return fields


def _line(question: str) -> str:
    try:
        return str(typer.prompt(question, default="", show_default=False, err=True)).strip()
    except typer.Abort:
        return ""


def _field(line: str) -> tuple[str, Spec]:
    try:
        return field_of(line)
    except ValueError as error:
        raise Fatal(f"--field «{line}»: {error}") from error


def _keys(
    fields: Mapping[str, Spec], event: str, given: tuple[str, str, str], *, asked: bool
) -> tuple[str, str, str]:
    """Day, dedupe key and partition key: as an option says, or as is likely; `asked`: ask."""

    def chosen(question: str, given: str, likely: str, missing: str) -> str:
        if not (given or likely):
            raise Fatal(missing)
        if asked and not given:
            return _asked(question, "", lambda text: _one_of(text, fields), likely)
        return _one_of(given or likely, fields)

    day = chosen("Field that says when it happened", given[0], likely_day(fields), NO_DAY)
    by = chosen("Field that tells two events apart", given[1], likely_key(fields, event), NO_KEY)
    likely = likely_partition(fields, by)
    return day, by, chosen("Field whose events keep their order", given[2], likely, NO_KEY)


def _one_of(name: str, fields: Mapping[str, Spec]) -> str:
    if name not in fields:
        raise Fatal(f"«{name}» is no field; there is {', '.join(fields)}")
    return name
