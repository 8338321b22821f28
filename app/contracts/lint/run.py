"""All rules on all files."""

import re
from collections.abc import Iterator
from datetime import date

from app.contracts.lint import keys, personal, shape, words
from app.contracts.lint.advice import Advice, Rule, Subject
from app.contracts.load import Reading

RULES: tuple[Rule, ...] = (*words.RULES, *personal.RULES, *keys.RULES, *shape.RULES)
ALLOWED = re.compile(r"# *lint: *allow +([a-z-]+)(?: +([A-Za-z0-9_.]+))?")


def lint(reading: Reading, today: date) -> list[Advice]:
    """Give advice on the files with which nothing is wrong, file by file.

    A comment in a file, `# lint: allow RULE` or `# lint: allow RULE fields.name`, is an answer:
    there the rule has nothing to say.
    """
    advice: list[Advice] = []
    good = reading.good
    for path, contract in good.items():
        others = {other: its for other, its in good.items() if other != path}
        subject = Subject(reading.sources[path], contract, others, today)
        allowed = set(_allowed(path.read_text("utf-8")))
        for rule in RULES:
            for where, what in rule.find(subject):
                if not any(rule.name == name and _within(where, w) for name, w in allowed):
                    advice.append(Advice(path, where, what, rule.name))
    return advice


def _allowed(text: str) -> Iterator[tuple[str, str]]:
    for found in ALLOWED.finditer(text):
        yield found[1], found[2] or ""


def _within(where: str, allowed: str) -> bool:
    return not allowed or where == allowed or where.startswith(f"{allowed}.")
