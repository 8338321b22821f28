"""A new topic file from a few words: fields line by line, and which of them are the keys."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from app.contracts.check import problems_in
from app.contracts.check_fields import problems_of_fields
from app.contracts.drafts import PLACEHOLDERS
from app.contracts.examples import problems_in_examples
from app.contracts.fields import NAME, Field
from app.contracts.infer.words import EVENT_IDS, EVENT_TIMES, IDS
from app.contracts.model import Contract
from app.contracts.naming import words_of
from app.contracts.problems import problems_of
from app.contracts.topic_yaml import Open
from app.core.errors import Fatal

FORM = "NAME TYPE [OPTION=VALUE]…: what it is about"
EXAMPLE = "order_id string max_length=64 pii=keep: The number printed on the receipt."
NESTED = ("list", "object")
KEYS = ("string", "integer", "uuid")
_field: TypeAdapter[Any] = TypeAdapter(Field)

Spec = dict[str, Any]


def field_of(line: str) -> tuple[str, Spec]:
    """Read a line such as `EXAMPLE`: the name of a field, and what the file says of it.

    Raises:
        ValueError: what is wrong with it.
    """
    head, colon, about = line.strip().partition(": ")
    words = head.split()
    if not colon or len(words) < 2:
        raise ValueError(f"write {FORM}, such as {EXAMPLE}")
    name, kind, *options = words
    if not re.fullmatch(NAME, name):
        raise ValueError(f"«{name}»: write lower-case words with underscores, such as order_id")
    if kind in NESTED:
        raise ValueError(f"{kind}: take json for now, and write what is in it into the file")
    spec = {"type": kind, **dict(map(_option, options)), "about": about.strip()}
    try:
        field = _field.validate_json(json.dumps(spec))
    except ValidationError as error:
        found = [(problem.where, problem.what) for problem in problems_of(Path(), error, spec)]
    else:
        found = list(problems_of_fields({name: field}))
    if found:
        told = [f"{where.removeprefix(f'fields.{name}.')}: {what}" for where, what in found]
        raise ValueError("; ".join(told))
    return name, spec


def _option(word: str) -> tuple[str, Any]:
    """`optional`, `max_length=64`, `one_of=small,medium`."""
    key, equals, text = word.partition("=")
    if not equals:
        return key, True
    if key == "one_of":
        return key, text.split(",")
    try:
        value = json.loads(text)
    except ValueError:
        return key, text
    return key, value if isinstance(value, int | float) else text


def likely_day(fields: Mapping[str, Spec]) -> str:
    """The time when it happened, by its name; empty: no field is a time that every event has."""
    times = _required(fields, ("timestamp",))
    return next((name for name in EVENT_TIMES if name in times), next(iter(times), ""))


def likely_key(fields: Mapping[str, Spec], event: str) -> str:
    """What tells two events apart, by its name; empty: nothing could."""
    fit = _required(fields, KEYS)
    uuids = [name for name in fit if fields[name]["type"] == "uuid"]
    names = (f"{event}_id", *EVENT_IDS, *uuids, *fit)
    return next((name for name in names if name in fit), "")


def likely_partition(fields: Mapping[str, Spec], dedupe: str) -> str:
    """Whose events should keep their order: another id; else what tells two events apart."""
    fit = [name for name in _required(fields, KEYS) if name != dedupe]
    return next((name for name in fit if words_of(name)[-1] in IDS), dedupe)


def _required(fields: Mapping[str, Spec], types: Iterable[str]) -> Sequence[str]:
    return [
        name
        for name, spec in fields.items()
        if spec["type"] in types and not spec.get("optional") and "default" not in spec
    ]


def verified(path: Path, content: Mapping[str, Any]) -> None:
    """See that a file which says this is right.

    Raises:
        Fatal: a line per problem.
    """
    if isinstance(content["examples"], Open):  # none could be made up; the reason is elsewhere
        content = {**content, "examples": PLACEHOLDERS}
    try:
        contract = Contract.model_validate_json(json.dumps(content))
    except ValidationError as error:
        problems = problems_of(path, error, content)
    else:
        problems = problems_in(path, contract) or problems_in_examples(path, contract)
    if problems:
        raise Fatal("\n".join(["this would be no good topic file", *map(str, problems)]))
