"""`forebay topics lint`: advice on topic files that are right."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from app.commands.output import AsJson, print_json
from app.commands.topics.options import TOPICS, Folder
from app.contracts.lint.run import RULES, lint
from app.contracts.load import read_folder
from app.core.errors import Fatal


def print_advice(
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 if there is advice.")] = False,
    rules: Annotated[bool, typer.Option("--rules", help="Say what the rules are.")] = False,
    topics_dir: Folder = TOPICS,
    as_json: AsJson = False,
) -> None:
    """Say what is likely to be regretted: personal data in clear, keys that keep no order, …

    Each line names the file, the place in it, what to do, and the rule. Where the rule is wrong,
    a comment in the file is the answer: `# lint: allow RULE` for the whole file, or
    `# lint: allow RULE fields.name` for one place; say why behind it.

    Exit status 0 (with --strict 1 if there is any advice), 2 if `forebay topics check` fails.
    """
    if rules:
        _print_rules(as_json)
        return
    reading = read_folder(topics_dir)
    if reading.problems:
        raise Fatal("\n".join(["the topic files are not right", *map(str, reading.problems)]))
    advice = lint(reading, datetime.now(UTC).date())
    if as_json:
        print_json([asdict(one) for one in advice])
    else:
        for one in advice:
            typer.echo(str(one))
        typer.echo(f"Topics: {len(reading.contracts)}, pieces of advice: {len(advice)}.")
    if strict and advice:
        raise typer.Exit(1)


def _print_rules(as_json: bool) -> None:
    if as_json:
        print_json({rule.name: rule.why for rule in RULES})
        return
    for rule in RULES:
        typer.echo(f"{rule.name:18} {rule.why}")
