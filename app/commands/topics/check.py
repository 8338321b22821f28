"""`forebay topics check`: everything that is wrong, in one go."""

import typer

from app.commands.output import AsJson, print_json
from app.commands.topics.options import TOPICS, Folder
from app.contracts.examples import problems_in_examples
from app.contracts.load import read_folder
from app.core.errors import Fatal


def check(topics_dir: Folder = TOPICS, as_json: AsJson = False) -> None:
    """Say everything that is wrong with the topic files; run their examples.

    A line for each mistake: file, place in it, what to do. A decision that somebody left open, by
    writing TODO for a value, is a mistake too. Exit status 2 if anything is wrong.
    """
    reading = read_folder(topics_dir)
    problems = list(reading.problems)
    for path, contract in reading.good.items():
        problems += problems_in_examples(path, contract)
    lines = [str(problem) for problem in sorted(problems, key=lambda problem: problem.path)]
    topics = len(reading.contracts)
    examples = sum(len(contract.examples) for contract in reading.contracts.values())
    if as_json:
        print_json({"topics": topics, "examples": examples, "problems": lines})
    if lines and as_json:
        raise typer.Exit(2)
    if lines:
        raise Fatal("\n".join(["the topic files are not right", *lines]))
    if not as_json:
        typer.echo(f"All is good. Topics: {topics}, examples: {examples}.")
