"""What the commands share: where the topic files are, and which of them are meant."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from app.contracts.load import load_contracts
from app.contracts.model import Contract

Folder = Annotated[
    Path,
    typer.Option("--topics-dir", envvar="TOPICS_DIR", help="The topic files.", metavar="DIR"),
]
Events = Annotated[
    list[str] | None, typer.Argument(help="Event types; otherwise all.", metavar="[EVENT]...")
]
TOPICS = Path("topics")


def chosen(folder: Path, events: Sequence[str] | None) -> list[Contract]:
    """The contracts of the named events, of all without names. Raises `Fatal` for an unknown."""
    return load_contracts(folder).chosen(events)
