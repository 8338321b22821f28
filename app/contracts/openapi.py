"""The gateway's API as OpenAPI 3.1, with a schema and examples for every event type."""

from collections.abc import Mapping
from typing import Any

from app.contracts.fields import Field
from app.contracts.model import Contract
from app.contracts.types import TYPES
from app.core.errors import Reason

Json = dict[str, Any]
NDJSON = "application/x-ndjson"
HEADERS = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
DAMAGE = {  # what HTTP itself means: the whole request was refused
    "400": "Not JSON, or not the shape that this path takes.",
    "413": "The body, or the batch, is too large.",
    "415": "Neither JSON nor NDJSON, or an encoding other than gzip and zstd.",
}


def openapi(contracts: Mapping[str, Contract]) -> Json:
    """Describe every path of the gateway."""
    names = list(contracts)
    paths: dict[str, Json] = {
        "/v1/events": {"post": _batch("publishEvents", "Publish events of any types.", names)},
        "/v1/validate": {"post": _batch("validateEvents", VALIDATE, names, publishes=False)},
    }
    for contract in contracts.values():
        paths[f"/v1/events/{contract.event}"] = {"post": _one_type(contract)}
    paths["/livez"] = {"get": _health("isAlive", "Whether the process is alive.")}
    paths["/readyz"] = {"get": _health("isReady", "Whether it can take events; if not, why.")}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Forebay",
            "version": "1",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "The front door for analytics events. `accepted` means durable.",
        },
        "paths": paths,
        "components": {"schemas": SCHEMAS | {c.event: event_schema(c) for c in contracts.values()}},
    }


def event_schema(contract: Contract) -> Json:
    """Describe an event as it is sent, in JSON Schema (2020-12)."""
    return {
        "type": "object",
        "description": contract.summary,
        "properties": {name: _field_schema(field) for name, field in contract.fields.items()},
        "required": [name for name, field in contract.fields.items() if not field.optional],
        "additionalProperties": False,
        "examples": [example.given for example in contract.examples if example.row is not None],
    }


def _field_schema(field: Field) -> Json:
    schema = TYPES[field.type].json_schema(field)
    if field.optional and schema:
        schema = {"anyOf": [schema, {"type": "null"}]}
    return {"description": field.about} | schema


def _one_type(contract: Contract) -> Json:
    event = _ref(contract.event)
    examples = {
        example.name: {"value": example.given}
        for example in contract.examples
        if example.row is not None
    }
    content = {"schema": {"oneOf": [event, {"type": "array", "items": event}]}}
    return {
        "operationId": f"publish_{contract.event}",
        "tags": [contract.app],
        "summary": contract.summary,
        "description": "One object, an array of them, or one a line.",
        "requestBody": {
            "required": True,
            "content": {
                "application/json": content | {"examples": examples},
                NDJSON: {"schema": {"type": "string"}},
            },
        },
        "responses": _answers(),
    }


VALIDATE = "Answer the verdicts that /v1/events would, and publish nothing."


def _batch(operation: str, summary: str, names: list[str], publishes: bool = True) -> Json:
    one = {
        "type": "object",
        "properties": {
            "type": {"type": "string", "enum": names},
            "data": {"anyOf": [_ref(name) for name in names]},
        },
        "required": ["type", "data"],
    }
    body = {
        "type": "object",
        "properties": {"events": {"type": "array", "items": one}},
        "required": ["events"],
    }
    return {
        "operationId": operation,
        "tags": ["events"],
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": _answers(publishes),
    }


def _answers(publishes: bool = True) -> Json:
    ok = {"202": "All accepted: durable."} if publishes else {"200": "The verdicts, in order."}
    answers = {
        status: _says(what, "Results")
        for status, what in (ok | {"207": "Mixed: look at each.", "422": "All rejected."}).items()
    }
    answers |= {status: _says(what, "Refusal") for status, what in DAMAGE.items()}
    if publishes:
        busy = "Too much is in flight; send the same again."
        down = "None could be committed; send the same again."
        answers["429"] = _says(busy, "Refusal") | {"headers": HEADERS}
        answers["503"] = _says(down, "Results") | {"headers": HEADERS}
    return answers


def _health(operation: str, summary: str) -> Json:
    return {
        "operationId": operation,
        "tags": ["health"],
        "summary": summary,
        "responses": {
            "200": {"description": "Yes."},
            "503": {"description": "No; the body says why."},
        },
    }


def _says(what: str, schema: str) -> Json:
    return {"description": what, "content": {"application/json": {"schema": _ref(schema)}}}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: list[str], **properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": required}


_TEXT: Json = {"type": "string"}
SCHEMAS: dict[str, Json] = {
    "Results": _object(
        ["results"],
        results={
            "description": "One per event, in the order they were sent.",
            "type": "array",
            "items": {"oneOf": [_ref("Accepted"), _ref("Rejected"), _ref("Retry")]},
        },
    ),
    "Accepted": _object(
        ["status"],
        status={"const": "accepted"},
        topic=_TEXT,
        partition={"type": "integer"},
        offset={"type": "integer"},
    ),
    "Rejected": _object(
        ["status", "reason", "message"],
        status={"const": "rejected"},
        reason={"type": "string", "enum": [str(reason) for reason in Reason]},
        field=_TEXT | {"description": "Dotted path in the event as sent."},
        message=_TEXT | {"description": "What would be right."},
    ),
    "Retry": _object(["status", "message"], status={"const": "retry"}, message=_TEXT),
    "Refusal": _object(["error", "message"], error=_TEXT, message=_TEXT),
}
