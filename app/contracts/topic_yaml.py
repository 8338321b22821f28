"""YAML as its version 1.2 means it: `no` is a word, a day in figures is text, keys are unique."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml


class Unreadable(Exception):
    """A file that is no YAML we take: `where` in it, and `what` to do."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.where, self.what = where, what


class Open(str):
    """A decision left open: the scalar `TODO` without quotes."""

    __slots__ = ()


KNOWN_TAGS = frozenset({"str", "seq", "bool", "null", "int", "float", "map"})  # what JSON has
MAX_LINE = 60  # characters of a line that are told
CORE = "tag:yaml.org,2002:"


class _Loader(yaml.CSafeLoader):
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (the names are PyYAML's)
    yaml_constructors = {  # noqa: RUF012
        tag: constructor
        for tag, constructor in yaml.CSafeLoader.yaml_constructors.items()
        if tag is None or tag.removeprefix(CORE) in KNOWN_TAGS
    }

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, TypeError, KeyError) as error:
            kind = "!!" + node.tag.removeprefix(CORE)
            what = f"no value of the type {kind}, or too long for one; write what is meant"
            raise Unreadable(f"line {node.start_mark.line + 1}", what) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        mapping: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            line = key_node.start_mark.line + 1
            if not isinstance(key, str):
                raise Unreadable(f"line {line}", "a key must be text; put it in quotes")
            if key in mapping:
                raise Unreadable(f"line {line}", f"«{key}» is there twice; remove one")
            mapping[key] = self.construct_object(value_node, deep=True)
        return mapping


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|false)$", "tf"),
    ("null", r"^(?:null|~|)$", ["n", "~", ""]),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("todo", r"^TODO$", "T"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
):
    _Loader.add_implicit_resolver(f"{CORE}{_tag}", re.compile(_pattern), list(_first))


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    return int(node.value)


def _float(loader: _Loader, node: yaml.ScalarNode) -> float:
    return float(node.value)


def _open(loader: _Loader, node: yaml.ScalarNode) -> Open:
    return Open(node.value)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    return loader.construct_mapping(node)


_Loader.add_constructor(CORE + "int", _integer)
_Loader.add_constructor(CORE + "float", _float)
_Loader.add_constructor(CORE + "todo", _open)
_Loader.add_constructor(CORE + "map", _mapping)


def read_yaml(path: Path) -> Any:
    """Read one file. Raises `Unreadable` with the line."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable("file", f"can not be read as UTF-8 text: {error}") from error
    return parse_yaml(text)


def parse_yaml(text: str) -> Any:
    """Read a text. Raises `Unreadable` with the line."""
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}" if mark else "file"
        what = f"not YAML: {error.problem}{_line_told(text, mark)}{_likely(text, error)}"
        raise Unreadable(where, what) from error
    except yaml.YAMLError as error:
        raise Unreadable("file", f"not YAML: {error}") from error
    except RecursionError as error:
        raise Unreadable(
            "file", "is nested too deep; nothing in it needs so many levels"
        ) from error


def _line_told(text: str, mark: yaml.Mark | None) -> str:
    lines = text.splitlines()
    line = lines[mark.line].strip() if mark and mark.line < len(lines) else ""
    shown = line[:MAX_LINE] + ("…" if len(line) > MAX_LINE else "")
    return f": «{shown}»" if line else ""


def _likely(text: str, error: yaml.MarkedYAMLError) -> str:
    """What a person most likely did, to whom the parser's own words tell little."""
    lines, problem = text.splitlines(), str(error.problem)
    marks = [mark for mark in (error.problem_mark, error.context_mark) if mark is not None]
    near = [lines[mark.line] for mark in marks if mark.line < len(lines)]
    if any("\t" in line[: len(line) - len(line.lstrip())] for line in near):
        return "; indent with spaces, not with a tab"
    if "expected ',' or" in problem:
        opened = (
            f"the bracket of line {error.context_mark.line + 1}" if error.context_mark else "it"
        )
        return f"; close {opened}, and quote text in it that has a colon, a comma or a bracket"
    if "mapping values" in problem:
        return "; quote text that has a colon or comma, or indent the line like its neighbours"
    if problem.startswith(("did not find expected key", "could not find expected ':'")):
        return (
            "; is it, or the line above, indented like its neighbours? "
            "Quote text that has a colon, a comma or quotes"
        )
    return ""


def open_decisions(content: Any, where: str = "") -> Iterator[str]:
    """The dotted paths at which a decision is open."""
    if isinstance(content, Open):
        yield where
    parts: Any = ()
    if isinstance(content, Mapping):
        parts = content.items()
    elif isinstance(content, list):
        parts = enumerate(content)
    for key, value in parts:
        yield from open_decisions(value, f"{where}.{key}" if where else str(key))


def decided(content: Any) -> Any:
    """The content with `keep` for each pii decision that is open: what else is wrong shows."""
    if isinstance(content, Mapping):
        return {
            key: "keep" if key == "pii" and isinstance(value, Open) else decided(value)
            for key, value in content.items()
        }
    return [decided(value) for value in content] if isinstance(content, list) else content
