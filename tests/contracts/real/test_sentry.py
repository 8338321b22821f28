"""Schemas and messages that nobody here wrote: those of the package `sentry-kafka-schemas`.

Every JSON Schema is imported; whatever is open then is decided in the same way for all of them;
every message is judged by the contract.
"""

import functools
import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from app.contracts.compile import compile_contract
from app.contracts.drafts import filled
from app.contracts.examples import EXAMPLE_PII_KEY
from app.contracts.imports.contents import contents
from app.contracts.imports.read import read_schema
from app.contracts.topic_yaml import read_yaml
from app.contracts.writing import bare
from app.core.errors import Fatal, RejectedError
from app.core.judge import Accepted, EventType, judge


def _package() -> Path:
    """Where its files are; to import it would need libraries that are not here."""
    spec = find_spec("sentry_kafka_schemas")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0])


PACKAGE = _package()
SCHEMAS = sorted(file.name for file in (PACKAGE / "schemas").glob("*.json"))
TOPICS = sorted((PACKAGE / "topics").glob("*.yaml"))

A_LIST = "the schema describes json (a list whose places differ); an event is one JSON object"
NOT_IMPORTED = {
    "any.json": "the schema names no fields; an event is one JSON object with fields of its own",
    "events.v1.schema.json": A_LIST,
    "generic-events.v1.schema.json": A_LIST,
    "transactions.v1.schema.json": A_LIST,
}
"""Each schema from which no topic file can be made, and why."""

NOT_ACCEPTED: dict[str, str] = {}
"""Each message that the imported contract rejects, and why."""

FILED = {
    "filed_at": {
        "type": "timestamp",
        "default": "2026-03-01T12:00:00Z",
        "about": "A day for messages that have no time of their own.",
    },
    "filed_as": {
        "type": "string",
        "pii": "keep",
        "default": "a message",
        "about": "A key for messages that have none of their own.",
    },
}


def messages(schema: str) -> list[Path]:
    """The real messages of a schema, as the package's own topic files say."""
    folders = {
        PACKAGE / "examples" / folder
        for topic in TOPICS
        for version in read_yaml(topic)["schemas"]
        for folder in version["examples"]
        if version["resource"] == schema
    }
    return sorted(file for folder in folders for file in folder.rglob("*.json"))


@functools.cache
def kind(schema: str) -> EventType:
    """The compiled contract of a schema, with what is open in it decided."""
    said = bare(contents(read_schema(PACKAGE / "schemas" / schema), "message"))
    said["fields"] |= FILED
    said["day"]["from"] = "filed_at"
    said["dedupe"]["by"] = ["filed_as"]
    said["kafka"]["key"] = "filed_as"
    return compile_contract(filled(said), EXAMPLE_PII_KEY)


def verdict(schema: str, raw: bytes) -> str | None:
    """Why a message is rejected; None: it is accepted."""
    kind_here = kind(schema)
    try:
        judged = judge(kind_here, raw, kind_here.occurred_at(kind_here.parse(raw)))
    except RejectedError as error:
        return str(error)
    return None if isinstance(judged, Accepted) else judged.message


def test_there_is_as_much_of_it_as_there_was() -> None:
    assert len(TOPICS) == 76
    assert len(SCHEMAS) == 36
    assert len(list((PACKAGE / "examples").rglob("*.json"))) == 99
    assert sum(len(messages(schema)) for schema in SCHEMAS) == 99


def test_every_schema_is_imported_but_those_in_the_table() -> None:
    refused = {}
    for schema in SCHEMAS:
        try:
            read_schema(PACKAGE / "schemas" / schema)
        except Fatal as error:
            refused[schema] = str(error).removeprefix(f"{PACKAGE / 'schemas' / schema}: ")
    assert refused.keys() == NOT_IMPORTED.keys()
    for schema, why in NOT_IMPORTED.items():
        assert refused[schema].startswith(why)


IMPORTED = [schema for schema in SCHEMAS if schema not in NOT_IMPORTED]


def test_every_message_is_accepted_but_those_in_the_table() -> None:
    judged = {
        f"{schema}: {file.name}": verdict(schema, file.read_bytes())
        for schema in IMPORTED
        for file in messages(schema)
    }
    assert {name: why for name, why in judged.items() if why is not None} == NOT_ACCEPTED
    assert len(judged) == 73
    assert sum(len(messages(schema)) for schema in NOT_IMPORTED) == 26


@functools.cache
def validator(schema: str) -> Draft7Validator:
    """What the schema itself says, by a library."""

    def beside(uri: str) -> Resource[Any]:
        return Resource.from_contents(content(uri.rpartition("/")[2]), DRAFT7)

    registry: Registry[Any] = Registry(retrieve=beside)
    return Draft7Validator(content(schema), registry=registry)


def content(schema: str) -> Any:
    return json.loads((PACKAGE / "schemas" / schema).read_text("utf-8"))


VALUES = (None, True, 7, -1.5, 2**70, "", "text", "2026-03-01", [], [1], [None], {}, {"x": 1})


def changed(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The message with one thing wrong, or still right, at the first and the second level."""
    yield {**message, "never_heard_of": 1}
    for key, value in message.items():
        yield {other: message[other] for other in message if other != key}
        for another in VALUES:
            yield {**message, key: another}
        for inner in value if isinstance(value, dict) else ():
            for another in VALUES:
                yield {**message, key: {**value, inner: another}}


@pytest.mark.parametrize("schema", IMPORTED)
def test_what_the_schema_allows_is_never_rejected(schema: str) -> None:
    for file in messages(schema):
        for message in changed(json.loads(file.read_text("utf-8"))):
            why = verdict(schema, json.dumps(message).encode())
            assert why is None or not validator(schema).is_valid(message), why


def test_much_of_what_no_schema_allows_is_rejected() -> None:
    every = [
        verdict(schema, json.dumps(message).encode())
        for schema in IMPORTED
        for file in messages(schema)
        for message in changed(json.loads(file.read_text("utf-8")))
    ]
    assert len(every) > 12_000
    assert sum(why is not None for why in every) > 8_000
