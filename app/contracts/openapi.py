"""The gateway's API as OpenAPI 3.1, with a schema and examples for every event type."""

from collections.abc import Mapping
from typing import Any

from app.contracts.model import Contract
from app.contracts.openapi_receipt import RECEIPT, receipt_path
from app.contracts.openapi_runs import add_runs
from app.contracts.sent_schema import sent_schema
from app.core.errors import Reason

Json = dict[str, Any]
JSON, NDJSON = "application/json", "application/x-ndjson"

ABOUT = """\
The front door for analytics events.

`accepted` means durable: Kafka has acknowledged the event. Every event of a batch has its own
answer, in the order they were sent. Whatever is not accepted may be sent again unchanged: an event
is counted once. Bodies may be compressed (`Content-Encoding: gzip` or `zstd`).
"""
BATCH = 'Events of any types: `{"events": [{"type": "…", "data": {…}}]}`, or one such pair a line.'
ONE_TYPE = "Events of one type: one object, an array of them, or one a line."
DRY = " The verdicts that /v1/events would give; nothing is published."
RETRY_AFTER = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
REFUSALS = {  # of the whole request: no event of it was taken
    "400": "Not JSON, or not the shape that this path takes.",
    "408": "The body did not arrive in time.",
    "413": "The body, or the batch, is too large.",
    "415": "Neither JSON nor NDJSON, or an unknown encoding.",
    "429": "Too much is in flight; send the same again.",
}
KEYED = {
    "401": "No key, or none that is known.",
    "403": "A type that this key may not send.",
}
NOT_ALLOWED = "not_allowed"
"""Of a batch: in place of a reason, where the key may not send events of this type."""


def openapi(contracts: Mapping[str, Contract], *, keyed: bool = False, runs: bool = False) -> Json:
    """Describe every path of the gateway; for each event type, one of its own. `keyed`: who sends
    needs a key; `runs`: it takes declared runs."""
    batch = _body(_batch_schema(list(contracts)))
    any_type = _body({"anyOf": [_one_or_more(event) for event in contracts]})
    which = {"name": "type", "in": "path", "required": True, "schema": {"enum": list(contracts)}}
    paths: dict[str, Json] = {
        "/v1/events": {"post": _post("publish", BATCH, batch)},
        **{f"/v1/events/{c.event}": {"post": _publish_one(c)} for c in contracts.values()},
        "/v1/events/{type}/{key}": receipt_path(which),
        "/v1/validate": {"post": _post("validate", BATCH + DRY, batch, "200")},
        "/v1/validate/{type}": {
            "parameters": [which],
            "post": _post("validate_type", ONE_TYPE + DRY, any_type, "200"),
        },
        "/livez": {"get": _health("livez", "Whether the process is alive.")},
        "/readyz": {"get": _health("readyz", "Whether it can take events; if not, why.")},
    }
    schemas = ANSWERS | {c.event: event_schema(c) for c in contracts.values()}
    described: Json = {
        "openapi": "3.1.0",
        "info": {"title": "Forebay", "version": "1", "description": ABOUT},
        "paths": paths,
        "components": {"schemas": schemas},
    }
    if runs:
        in_runs = [contract.event for contract in contracts.values() if contract.day.runs]
        add_runs(described, in_runs)
    return _with_keys(described) if keyed else described


def _with_keys(described: Json) -> Json:
    """Each operation below /v1/ asks for a key."""
    described["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "api_key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    }
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            if path.startswith("/v1/") and method != "parameters":
                operation["security"] = [{"bearer": []}, {"api_key": []}]
                operation["responses"] |= {s: _says(w, "Refusal") for s, w in KEYED.items()}
    return described


def event_schema(contract: Contract) -> Json:
    """Describe an event as it is sent, in JSON Schema (2020-12)."""
    schema: Json = {"description": contract.summary} | sent_schema(contract)
    examples = [example.given for example in contract.examples if example.lands]
    return schema | {"examples": examples}


def _publish_one(contract: Contract) -> Json:
    examples = {
        example.name: {"value": example.given} for example in contract.examples if example.lands
    }
    body = _body(_one_or_more(contract.event), examples)
    operation = _post(f"publish_{contract.event}", ONE_TYPE, body)
    return operation | {"tags": [contract.app], "summary": contract.summary}


def _one_or_more(event: str) -> Json:
    one = _ref(event)
    return {"anyOf": [one, {"type": "array", "items": one}]}


def _batch_schema(names: list[str]) -> Json:
    one = {
        "type": "object",
        "properties": {
            "type": {"type": "string", "enum": names},
            "data": {"anyOf": [_ref(name) for name in names]},
        },
        "required": ["type", "data"],
    }
    events = {"type": "array", "items": one, "minItems": 1}
    return {"type": "object", "properties": {"events": events}, "required": ["events"]}


def _body(schema: Json, examples: Json | None = None) -> Json:
    json = {"schema": schema} | ({"examples": examples} if examples else {})
    return {"required": True, "content": {JSON: json, NDJSON: {"schema": {"type": "string"}}}}


def _post(operation: str, about: str, body: Json, all_good: str = "202") -> Json:
    answers = {
        all_good: _says("All accepted.", "Results"),
        "207": _says("Mixed: look at each.", "Results"),
        "422": _says("All rejected.", "Results"),
        **{status: _says(what, "Refusal") for status, what in REFUSALS.items()},
        "503": _says("Nothing could be committed; send the same again.", "Results", "Refusal"),
    }
    for status in ("429", "503"):
        answers[status]["headers"] = RETRY_AFTER
    return {
        "operationId": operation,
        "tags": ["events"],
        "description": about,
        "requestBody": body,
        "responses": answers,
    }


def _health(operation: str, summary: str) -> Json:
    return {
        "operationId": operation,
        "tags": ["health"],
        "summary": summary,
        "responses": {"200": _says("Yes.", "Health"), "503": _says("No.", "Health")},
    }


def _says(what: str, *schemas: str) -> Json:
    one_of = [_ref(name) for name in schemas]
    schema = one_of[0] if len(one_of) == 1 else {"anyOf": one_of}
    return {"description": what, "content": {JSON: {"schema": schema}}}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: list[str], **properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": required}


_TEXT: Json = {"type": "string"}
_PLACE: dict[str, Json] = {
    "topic": _TEXT,
    "partition": {"type": "integer"},
    "offset": {"type": "integer"},
}
ANSWERS: dict[str, Json] = {
    "Results": _object(
        ["results"],
        results={
            "description": "One per event, in the order they were sent.",
            "type": "array",
            "items": {"anyOf": [_ref("Accepted"), _ref("Rejected"), _ref("Retry")]},
        },
    ),
    "Accepted": _object(
        ["status"],
        status={"const": "accepted"},
        warnings={
            "description": "What to send otherwise: other spellings, deprecated fields.",
            "type": "array",
            "items": _object(["field", "message"], field=_TEXT, message=_TEXT),
        },
        filtered=_TEXT | {"description": "Why it will be counted, and become no row."},
        **_PLACE,
    ),
    "Rejected": _object(
        ["status", "reason", "message"],
        status={"const": "rejected"},
        reason={"type": "string", "enum": [*(str(reason) for reason in Reason), NOT_ALLOWED]},
        field=_TEXT | {"description": "Dotted path in the event as sent."},
        message=_TEXT | {"description": "What would be right."},
        kept={"type": "boolean", "description": "Whether it is kept, to be repaired."},
        **_PLACE,
    ),
    "Retry": _object(["status", "message"], status={"const": "retry"}, message=_TEXT),
    "Receipt": RECEIPT,
    "Refusal": _object(["error", "message"], error=_TEXT, message=_TEXT),
    "Health": _object(["status"], status=_TEXT, waiting_for={"type": "object"}),
}
