"""`forebay topics diff`: may these topic files take the place of those?"""

from dataclasses import asdict
from typing import Annotated

import typer

from app.commands.output import AsJson, print_json
from app.commands.topics.options import TOPICS, Folder
from app.contracts.diff.change import Verdict
from app.contracts.diff.markdown import markdown
from app.contracts.diff.revisions import contracts_of
from app.contracts.diff.run import EventDiff, diff
from app.contracts.load import load_contracts


def compare(
    old: Annotated[
        str, typer.Argument(help="A git revision, such as main or HEAD~1; or a folder.")
    ],
    new: Annotated[
        str | None, typer.Argument(help="The same; left out: the files as they are now.")
    ] = None,
    topics_dir: Folder = TOPICS,
    as_json: AsJson = False,
) -> None:
    """Say whether a change is safe for events in flight and for rows that are loaded.

    Prints Markdown, made for a comment on a pull request: `forebay topics diff main`. Each change
    is safe; or needs a new version (and the file has not got one), because events that are in
    Kafka already would be refused or land elsewhere; or is unsafe whatever the version, because
    rows that stand in the table, or what is stored for loading a day again, do not fit.

    Exit status 0: all is safe; 1: not all is; 2: one side can not be read.
    """
    before = contracts_of(old, topics_dir)
    after = load_contracts(topics_dir) if new is None else contracts_of(new, topics_dir)
    events = diff(before, after)
    if as_json:
        print_json([_plain(event) for event in events])
    else:
        typer.echo(markdown(old, new or str(topics_dir), events), nl=False)
    if any(event.verdict is not Verdict.SAFE for event in events):
        raise typer.Exit(1)


def _plain(event: EventDiff) -> dict[str, object]:
    return {"verdict": event.verdict, **asdict(event)}
