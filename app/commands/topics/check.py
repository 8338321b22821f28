"""`forebay topics check`: everything that is wrong, in one go."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from app.commands.output import AsJson, print_json
from app.commands.topics.options import TOPICS, Folder
from app.contracts.defaults import FILE
from app.contracts.examples import problems_in_examples
from app.contracts.load import Reading, read_folder
from app.core.errors import Fatal


def check(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Tell of these alone; otherwise of all.", metavar="[FILE]..."),
    ] = None,
    topics_dir: Folder = TOPICS,
    as_json: AsJson = False,
) -> None:
    """Say everything that is wrong with the topic files; run their examples.

    A line for each mistake: file, place in it, what to do. A decision that somebody left open, by
    writing TODO for a value, is a mistake too. Exit status 2 if anything is wrong.

    With FILE all are read, since two may claim one table, and the problems of FILE and of its
    app's defaults are told.
    """
    reading = read_folder(topics_dir)
    told = _told(files, reading, topics_dir)
    problems = [problem for problem in reading.problems if told(problem.path)]
    for path, contract in reading.good.items():
        if told(path):
            problems += problems_in_examples(path, contract)
    lines = [str(problem) for problem in sorted(problems, key=lambda problem: problem.path)]
    contracts = [contract for path, contract in reading.contracts.items() if told(path)]
    topics = len(contracts)
    examples = sum(len(contract.examples) for contract in contracts)
    if as_json:
        print_json({"topics": topics, "examples": examples, "problems": lines})
    if lines and as_json:
        raise typer.Exit(2)
    if lines:
        raise Fatal("\n".join(["the topic files are not right", *lines]))
    if not as_json:
        typer.echo(f"All is good. Topics: {topics}, examples: {examples}.")


def _told(
    files: Sequence[Path] | None, reading: Reading, topics_dir: Path
) -> Callable[[Path], bool]:
    """Whether a file of the folder is one of those that are asked for. Raises `Fatal` for a file
    that is none of the folder's."""
    if not files:
        return lambda path: True
    wanted = {path.resolve() for path in files}
    known = {*reading.sources, *(problem.path for problem in reading.problems)}
    known |= {path.parent / FILE for path in reading.sources}
    for path in files:
        if path.resolve() not in {one.resolve() for one in known}:
            raise Fatal(f"{path} is no topic file in {topics_dir}; is --topics-dir right?")
    wanted |= {path.parent / FILE for path in wanted}
    return lambda path: path.resolve() in wanted
