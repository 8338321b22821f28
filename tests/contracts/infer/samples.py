"""Samples as awkward as real ones, and how a file made from samples is looked at."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from app.contracts.infer.contents import contents
from app.contracts.infer.observe import Observer
from app.contracts.writing import bare, topic_text

Sample = Mapping[str, Any]

STATES = ("open", "closed", "merged")


def awkward(number: int) -> dict[str, Any]:
    """One of many samples: keys with dots, nulls, mixed types, deep nesting, big numbers."""
    return {
        "delivery_id": f"6f1c1c5e-3a57-4d0a-9a5e-{number:012x}",
        "action": STATES[number % 3],
        "repo.id": 9_223_372_036_854_775_000 + number % 4,
        "pushedAt": f"2026-03-{number % 28 + 1:02d}T10:{number % 60:02d}:00+02:00",
        "stored_ts": 1_772_000_000 + number,
        "size": number if number % 2 else number / 2,
        "ref": None if number % 5 == 0 else f"refs/heads/b{number}",
        "flag": {0: True, 1: "yes", 2: 1}[number % 3],
        "empty": [],
        "nothing": None,
        "tags": ["new", "urgent"][: number % 3],
        "lines": [{"sku": f"A{number}", "count": 1, "note": None}] * (number % 3),
        "matrix": [[1, 2], [3]],
        "holes": [1, None],
        "user": {
            "id": number % 7,
            "login": f"user{number % 7}",
            "url": "https://example.com/" + "u" * 3_000,
            "address": {"geo": {"point": {"lat": 52.5}}, "zip.code": "10115"},
        }
        if number % 4
        else None,
        "by_user": {f"u{number}": {"seen": True}, f"u{number + 1}": {"seen": False}},
        "price": f"{number}.{number % 100:02d}",
        "version": f"1.{number}",
    }


def observed(samples: Iterable[Sample]) -> Observer:
    observer = Observer()
    for sample in samples:
        observer.look(dict(sample), len(json.dumps(sample)))
    return observer


def inferred(samples: Iterable[Sample], columns: int = 20) -> dict[str, Any]:
    """What the file says, without its comments."""
    said = bare(contents(observed(samples), "pushed", "code", columns))
    assert isinstance(said, dict)
    return said


def comments(samples: Iterable[Sample]) -> str:
    """The file's text, to look for a comment in."""
    return topic_text(contents(observed(samples), "pushed", "code"))


def of(name: str, values: Iterable[Any]) -> dict[str, Any]:
    """The options of the field `name`, if it had these values in as many samples."""
    fields = inferred({name: value} for value in values)["fields"]
    found = dict(fields[name])
    assert found.pop("about") == "TODO"
    return found


def written(folder: Path, samples: Iterable[Sample]) -> Path:
    """An NDJSON file."""
    file = folder / "samples.ndjson"
    file.write_text("".join(json.dumps(sample) + "\n" for sample in samples), "utf-8")
    return file


def decided(file: Path) -> str:
    """The text of a topic file in which somebody decided what was open."""
    text = file.read_text("utf-8")
    answers = {
        "pii": "keep",
        "about": "What the sender says about it.",
        "summary": "Somebody pushed something.",
        "team": "code-data",
        "chat": '"#code-data"',
        "app": "code",
        "timezone": "Europe/Berlin",
    }
    for key, answer in answers.items():
        text = text.replace(f"{key}: TODO", f"{key}: {answer}")
    return text
