"""Write a topic file as a person would: in the usual order, short things on one line."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.contracts.topic_yaml import Open

WIDTH = 100  # columns
TODO = Open("TODO")  # a decision left open; `forebay topics check` asks for it
SCHEMA_LINE = "# yaml-language-server: $schema={schema}"
ORDER = (
    *("event", "version", "summary", "app", "owners", "unknown", "fields", "kafka", "dedupe"),
    *("day", "transform", "warehouse", "load", "freshness", "examples"),
)
AFTER_A_BLANK_LINE = frozenset({"fields", "kafka", "transform", "warehouse", "examples"})
ALWAYS_LINE_BY_LINE = re.compile(r"/fields(/.*/fields)?|/transform|/examples(/[^/]+)?")
WRAPPED = frozenset({"given", "row", "rows", "rejected", "one_of"})
FIELD = re.compile(r"(/.*)?/fields/[^/]+")
"""A field's comment stands above it; it is wrapped too, unless it needs more than two lines."""

_WORD = re.compile(r"([^\W\d]|/)[\w./@+-]*( [\w./@+-]+)*|[1-9][0-9]*[smh]")
_SENTENCE = re.compile(r"[^\W\d_][^\n\t]*")
_RESERVED = re.compile("true|false|null|yes|no|on|off|y|n|todo", re.IGNORECASE)
_UNPRINTABLE = re.compile(
    "[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


@dataclass(frozen=True, slots=True)
class Noted:
    """A value with a comment for whoever edits the file."""

    value: Any
    note: str


def bare(content: Any) -> Any:
    """The content without its comments, as the file will be read."""
    if isinstance(content, Noted):
        return bare(content.value)
    if isinstance(content, Mapping):
        return {key: bare(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [bare(value) for value in content]
    return content


def topic_text(content: Mapping[str, Any], head: Sequence[str] = (), schema: str = "") -> str:
    """Write a topic file.

    `content` holds what the file says, with `Noted` where a comment belongs; `head` are lines of
    comment above it; `schema` is where the editor finds the JSON Schema, relative to the file.
    """
    lines = [SCHEMA_LINE.format(schema=schema)] if schema else []
    lines += [" ".join(["#", *_words(line)]) for line in head]
    known = [key for key in ORDER if key in content]
    for key in (*known, *(key for key in content if key not in ORDER)):
        if key in AFTER_A_BLANK_LINE:
            lines.append("")
        lines += _entry(key, content[key], "", f"/{key}")
    return "\n".join(lines) + "\n"


def _entry(key: str, value: Any, indent: str, path: str) -> Iterator[str]:
    """The lines of one key with its value; `path` is where it is, `/fields/order_id/type`."""
    note = _note(value)
    value = value.value if isinstance(value, Noted) else value
    start = f"{indent}{_scalar(key)}:"
    if FIELD.fullmatch(path):
        yield from _with_note("", note, indent)
        note = ""
    if not isinstance(value, Mapping | list | tuple):
        yield from _with_note(f"{start} {_scalar(value, in_block=True)}", note, indent)
        return
    one_line = f"{start} {' '.join(_flow(value))}"
    line_by_line = ALWAYS_LINE_BY_LINE.fullmatch(path) or _noted(value)
    if not value or (len(one_line) <= WIDTH and not line_by_line):
        yield from _with_note(one_line, note, indent)
    elif not _noted(value) and (
        key in WRAPPED or (FIELD.fullmatch(path) and len(one_line) <= 2 * WIDTH - len(start) - 4)
    ):
        yield from _with_note("", note, indent)
        yield from _filled(f"{start} ", _flow(value), " " * (len(start) + 2))
    else:
        yield from _with_note(start, note, indent)
        yield from _block(value, indent + "  ", path)


def _block(value: Any, indent: str, path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _entry(key, item, indent, f"{path}/{key}")
        return
    for item in value:
        note = _note(item)
        item = item.value if isinstance(item, Noted) else item
        one_line = f"{indent}- {' '.join(_flow(item))}"
        in_block = len(one_line) > WIDTH or path == "/examples" or _noted(item)
        if isinstance(item, Mapping) and item and in_block:
            yield from _with_note("", note, indent)
            lines = list(_block(item, indent + "  ", f"{path}/-"))
            first = next(i for i, line in enumerate(lines) if not line.lstrip().startswith("#"))
            lines[first] = f"{indent}- {lines[first].lstrip()}"
            yield from lines
        else:
            yield from _with_note(one_line, note, indent)


def _with_note(line: str, note: str, indent: str) -> Iterator[str]:
    """A line with its comment behind it, or above it where there is no room."""
    if note and line and len(line) + len(note) + 4 <= WIDTH:
        yield f"{line}  # {note}"
        return
    if note:
        yield from _filled(f"{indent}# ", note.split(), f"{indent}# ")
    if line:
        yield line


def _note(value: Any) -> str:
    return " ".join(_words(value.note)) if isinstance(value, Noted) else ""


def _words(text: str) -> list[str]:
    """What a comment may hold: a file's name, say, may hold anything."""
    return _UNPRINTABLE.sub("?", " ".join(text.split())).split(" ")


def _noted(value: Any) -> bool:
    if isinstance(value, Noted):
        return True
    inner = value.values() if isinstance(value, Mapping) else value
    return isinstance(value, Mapping | list | tuple) and any(map(_noted, inner))


def _filled(start: str, words: Sequence[str], hanging: str) -> Iterator[str]:
    """Fill lines with words, up to the width."""
    line = start
    for word in words:
        space = "" if line in (start, hanging) else " "
        if space and len(line) + 1 + len(word) > WIDTH:
            yield line
            line, space = hanging, ""
        line += space + word
    yield line


def _flow(value: Any) -> list[str]:
    """A value as `{a: b, c: [d, e]}`, cut where a line may end."""
    if isinstance(value, Noted):
        return _flow(value.value)
    if isinstance(value, Mapping):
        parts = [_keyed(key, _flow(item)) for key, item in value.items()]
        return _bracketed("{", parts, "}")
    if isinstance(value, list | tuple):
        return _bracketed("[", [_flow(item) for item in value], "]")
    return [_scalar(value)]


def _keyed(key: str, words: list[str]) -> list[str]:
    return [f"{_scalar(key)}: {words[0]}", *words[1:]]


def _bracketed(left: str, parts: list[list[str]], right: str) -> list[str]:
    for part in parts[:-1]:
        part[-1] += ","
    words = [word for part in parts for word in part] or [""]
    words[0] = left + words[0]
    words[-1] += right
    return words


def _scalar(value: Any, in_block: bool = False) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, Open):
        return value
    if _RESERVED.fullmatch(value) or _UNPRINTABLE.search(value):
        return _quoted(value)
    if value == TODO:
        return value if isinstance(value, Open) else _quoted(value)
    if _WORD.fullmatch(value):
        return value
    if in_block and _SENTENCE.fullmatch(value) and not re.search(r":(\s|$)|\s#|\s$", value):
        return value
    if ("\\" in value or '"' in value) and "'" not in value:
        return f"'{value}'"
    return _quoted(value)


def _quoted(text: str) -> str:
    """JSON's quotes are YAML's, once what YAML does not print is escaped."""
    return _UNPRINTABLE.sub(
        lambda found: json.dumps(found[0])[1:-1], json.dumps(text, ensure_ascii=False)
    )
