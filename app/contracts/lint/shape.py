"""Rules on fields, examples and defaults."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from app.contracts.fields import Field
from app.contracts.lint.advice import Found, Rule, Subject, every_field
from app.contracts.model import Example

ENDLESS = re.compile(r"(?<!\\)(?:\*|\+|\{[0-9]+,\})")


def _unbounded(subject: Subject) -> Found:
    for where, name, field in every_field(subject.contract):
        if field.type != "string" or field.pii == "drop" or field.max_length is not None:
            continue
        if field.one_of is not None or field.format is not None:
            continue
        if field.pattern is None or not _ends(field.pattern):
            yield (
                where,
                f"«{name}» may be as long as an event; give it a max_length that is never reached, "
                "such as 200",
            )


def _ends(pattern: str) -> bool:
    """Whether what matches has a greatest length, as far as one can see."""
    return pattern.startswith("^") and pattern.endswith("$") and not ENDLESS.search(pattern)


def _past(subject: Subject) -> Found:
    for where, name, field in every_field(subject.contract):
        if field.deprecated is not None and field.deprecated < subject.today:
            yield (
                f"{where}.deprecated",
                f"{field.deprecated} is past; if nobody sends «{name}» any more, remove it",
            )


def _unshown(subject: Subject) -> Found:
    contract = subject.contract
    landing = [example for example in contract.examples if example.rejected is None]
    for name, field in contract.fields.items():
        shown = [value for one in landing if (value := _sent(one, name, field)) is not None]
        if field.optional and not shown:
            yield f"fields.{name}", "no example that lands has it; give it in one"
        elif field.optional and len(shown) == len(landing):
            yield f"fields.{name}", "is optional, and each example has it; leave it out in one"
        choices = getattr(field, "one_of", None) or ()
        if len(choices) > 1 and len(landing) > 1 and len(set(map(str, shown))) == 1:
            yield (
                f"fields.{name}",
                f"each example says {shown[0]}; let another one say "
                f"{next(choice for choice in choices if choice != shown[0])}",
            )


def _sent(example: Example, name: str, field: Field) -> Any:
    """What an example gives for a field, wherever in the event that is."""
    value: Any = example.given
    for part in field.way(name):
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return None
    return value


def _repeated(subject: Subject) -> Found:
    source = subject.source
    if source.defaults is None:
        return
    for where, value in _leaves(source.own):
        if where.split(".")[0] == "app":
            yield where, f"is the folder's name; remove it from {source.path.name}"
        elif value == _at(source.defaults.content, where):
            yield where, "_app.yaml says the same; remove it here"
    shared = source.defaults.content.get("warehouse", {})
    own = source.own.get("warehouse", {})
    derived = f"{shared.get('schema')}.{subject.contract.event.upper()}"
    if own.get("table") == derived:
        yield "warehouse.table", f"is {derived} without saying so; remove it"


def _leaves(content: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(content, Mapping):
        yield where, content
        return
    for key, value in content.items():
        yield from _leaves(value, f"{where}.{key}" if where else str(key))


def _at(content: Any, where: str) -> Any:
    for part in where.split("."):
        if not isinstance(content, Mapping) or part not in content:
            return None
        content = content[part]
    return content


RULES = (
    Rule("string-unbounded", "A string without a limit is as long as one mistake makes it.",
         _unbounded),
    Rule("deprecated-past", "A field whose last day is over is in everybody's way.", _past),
    Rule("example-misses", "What no example shows, nobody has tried.", _unshown),
    Rule("default-repeated", "What a file repeats of its app's defaults, it keeps when they "
         "change.", _repeated),
)  # fmt: skip
