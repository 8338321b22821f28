"""What is wrong with a topic file, said so that its author knows what to do."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.contracts.fields import NAME, Strict
from app.contracts.model import DURATION, SCHEMA, TABLE, Contract

Location = tuple[int | str, ...]

A_DAY = "must be a day such as 2026-06-30"
# pydantic's error types whose own text does not say what to do
WHAT = {
    "missing": "is missing; add it",
    "string_type": "must be text; put it in quotes",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "model_type": "must be a mapping (key: value)",
    "model_attributes_type": "must be a mapping (key: value)",
    "dict_type": "must be a mapping (key: value)",
    "tuple_type": "must be a list, such as [a, b]",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "may have at most {max_length} characters",
    "too_short": "must have at least {min_length} of them",
    "decimal_parsing": "must be a number",
    "decimal_type": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "date_type": A_DAY,
    "date_parsing": A_DAY,
    "date_from_datetime_parsing": A_DAY,
    "date_from_datetime_inexact": A_DAY,
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "union_tag_not_found": "is missing; add it",
    "union_tag_invalid": "must be one of {expected_tags}",
    "greater_than_equal": "must be {ge} or more",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be {le} or less",
}
# what other languages call our types
ELSEWHERE = {
    "datetime": "timestamp",
    "time": "timestamp",
    "text": "string",
    "str": "string",
    "int": "integer",
    "float": "number",
    "double": "number",
    "bool": "boolean",
    "money": "decimal",
    "array": "list",
    "map": "object",
    "dict": "object",
    "record": "object",
}
PATTERNS = {
    NAME: "must be lower-case words with underscores, such as order_placed",
    TABLE: "must be SCHEMA.TABLE in upper case, such as RAW.ORDER_PLACED",
    SCHEMA: "must be upper case, such as RAW",
    DURATION: "must be a duration such as 30s, 15m or 1h",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """`where` is a dotted path in the file, or empty for the file as a whole."""

    path: Path
    where: str
    what: str

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        return f"{self.path}: {where}{self.what}"


def problems_of(
    path: Path, error: ValidationError, content: Any, model: type[Strict] = Contract
) -> list[Problem]:
    """Turn what pydantic found into problems, each with its place in the file. `model` is what the
    file was read as."""
    found: dict[str, list[str]] = {}
    details = error.errors(include_url=False, include_input=False)
    misspelt = {
        (*detail["loc"][:-1], near)
        for detail in details
        if detail["type"] == "extra_forbidden"
        for near in _near(str(detail["loc"][-1]), model)
    }
    for detail in details:
        if detail["type"] == "too_short" and _broken_inside(detail["loc"], details):
            continue  # pydantic did not count the broken ones
        if detail["type"] == "missing" and detail["loc"] in misspelt:
            continue
        where = ".".join(map(str, _place(_location(detail), content)))
        said = found.setdefault(where, [])
        if (what := _spaceless(detail, content) or _what(detail, model)) not in said:
            said.append(what)
    return [Problem(path, where, ", or ".join(said)) for where, said in found.items()]


def _broken_inside(place: Location, details: list[ErrorDetails]) -> bool:
    return any(d["loc"][: len(place)] == place and d["loc"] != place for d in details)


def _location(detail: ErrorDetails) -> Location:
    """Where it is; a union's missing or unknown tag is found at the tag."""
    if detail["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return (*detail["loc"], detail["ctx"]["discriminator"].strip("'"))
    return detail["loc"]


def _place(location: Location, content: Any) -> Iterator[int | str]:
    """Leave out of a location what is not in the file: the tags of unions, `[key]` marks."""
    for index, part in enumerate(location):
        if _holds(content, part):
            content = content[part]
        elif index < len(location) - 1 or part == "[key]" or not isinstance(content, Mapping):
            continue
        yield part


def _holds(content: Any, part: int | str) -> bool:
    if isinstance(content, list):
        return part in range(len(content))
    return isinstance(content, Mapping) and part in content


def _spaceless(detail: ErrorDetails, content: Any) -> str | None:
    """`{type:uuid}` has no key `type`: YAML reads one key that has a colon in its name."""
    if detail["type"] not in ("missing", "union_tag_not_found"):
        return None
    *above, name = _location(detail)
    for part in above:
        content = content[part] if _holds(content, part) else content
    if isinstance(content, Mapping) and any(key.startswith(f"{name}:") for key in content):
        return f"a space is missing after {name}:"
    return None


def _what(detail: ErrorDetails, model: type[Strict]) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(str(detail["loc"][-1]), model)
    if kind == "string_pattern_mismatch":
        return PATTERNS.get(context["pattern"], f"must match {context['pattern']}")
    if kind == "value_error":
        return str(context["error"])
    if kind == "too_short" and detail["loc"] == ("examples",):
        return "must be at least 2: one that lands, one that is rejected"
    if kind == "union_tag_invalid":
        return WHAT[kind].format(**context) + _meant(context)
    if kind in WHAT:
        return WHAT[kind].format(**context)
    return detail["msg"]


def _unknown_key(key: str, model: type[Strict]) -> str:
    if key in _known_keys(Contract) - _known_keys(model):
        return "can not be shared; say it in each topic file"
    if key in _known_keys(model):
        return "does not belong here; remove it"
    if near := _near(key, model):
        return f"unknown key; did you mean «{near[0]}»?"
    if re.search(r"^\w+:\S", key):
        return "unknown key; is a space missing after its colon?"
    if " " in key:
        return "unknown key; is it a part of a text with a comma? Quote the text"
    return "unknown key; remove it"


def _near(key: str, model: type[Strict]) -> list[str]:
    return get_close_matches(key, sorted(_known_keys(model)), n=1)


def _meant(context: Mapping[str, Any]) -> str:
    """What else a type is called, or how it is spelt."""
    tag, known = str(context["tag"]), re.findall(r"'(\w+)'", context["expected_tags"])
    other = ELSEWHERE.get(tag.lower())
    near = [other] if other in known else get_close_matches(tag, known, n=1)
    return f"; did you mean «{near[0]}»?" if near else ""


@cache
def _known_keys(model: type[Strict]) -> frozenset[str]:
    definitions = model.model_json_schema()
    every = [definitions, *definitions["$defs"].values()]
    return frozenset(key for one in every for key in one.get("properties", ()))
