"""The receipt of an event, as OpenAPI describes it."""

from typing import Any

Json = dict[str, Any]

ABOUT = """\
Where the event with this composite key (`dedupe.by` of its topic file) is: accepted → sealed → in
an object → loaded → a row; or a dead letter, and why; or a copy of which other record. Places and
fates only: nothing of what was sent.

The key is the value alone, or `NAME=VALUE`, joined by `&` where there are several; each
percent-encoded on its own. A search has limits: `unsearched` says what was not looked at.
"""
OUTCOMES = {
    "row": "It stands in the table.",
    "duplicate": "A copy, which a worker left out; `of` stands in its stead.",
    "collapsed": "A copy, which a load left out; `of` stands in its stead.",
    "filtered": "Its topic file leaves it out.",
    "not shown": "It is of a declared run that is not the last complete one of its day.",
    "dead letter": "It was rejected; `letter` says why.",
    "sealed": "It is durable in an object, and waits for the next load.",
    "unread": "Kafka has it, and no worker has sealed it yet.",
    "lost": "It was there, and is no more.",
    "unknown": "It was not found.",
}

_TEXT: Json = {"type": "string"}
_MAYBE: Json = {"type": ["string", "null"]}
_TEXTS: Json = {"type": "array", "items": _TEXT}


def _part(about: str, **properties: Json) -> Json:
    return {"description": about, "type": ["object", "null"], "properties": properties}


RECEIPT: Json = {
    "type": "object",
    "required": ["event", "asked", "outcome", "said", "searched", "unsearched"],
    "properties": {
        "event": _TEXT,
        "asked": _TEXT | {"description": "The key."},
        "outcome": {
            "enum": list(OUTCOMES),
            "description": " ".join(f"`{name}`: {about}" for name, about in OUTCOMES.items()),
        },
        "said": _TEXT | {"description": "The same in a sentence."},
        "position": _MAYBE | {"description": "In Kafka: topic/partition@offset."},
        "received_at": _MAYBE,
        "sealed": _part("The seal that accounts for it.", id=_TEXT, sealed_at=_TEXT, worker=_TEXT),
        "line": _part(
            "Where its lines are.",
            object=_TEXT, number={"type": "integer"}, lines={"type": "integer"}, day=_TEXT,
        ),
        "load": _part(
            "The load that took it.", run=_TEXT, table=_TEXT, day=_TEXT, loaded_at=_TEXT
        ),
        "rows": {"type": "integer", "description": "How many rows of it stand."},
        "letter": _part("Why it was rejected.", reason=_TEXT, field=_MAYBE, message=_TEXT),
        "of": _MAYBE | {"description": "The copy that stands in its stead."},
        "others": _TEXTS | {"description": "Where other copies of it are."},
        "searched": _TEXTS,
        "unsearched": _TEXTS,
    },
}  # fmt: skip


def receipt_path(which: Json) -> Json:
    """The path; `which` is the parameter that names the type."""
    key = {"name": "key", "in": "path", "required": True, "schema": _TEXT}
    refusals = {
        "400": "No key of this type.",
        "429": "Too many are asked for at once.",
        "503": "This gateway gives no receipts, or can not reach what it would look at.",
        "504": "Not found in time.",
    }
    either = {"anyOf": [_ref("Receipt"), _ref("Refusal")]}
    return {
        "parameters": [which, key],
        "get": {
            "operationId": "receipt",
            "tags": ["events"],
            "summary": "Where is my event?",
            "description": ABOUT,
            "responses": {
                "200": _says("Found.", _ref("Receipt")),
                "404": _says("Not found: `searched` and `unsearched` say where.", either),
                **{status: _says(what, _ref("Refusal")) for status, what in refusals.items()},
            },
        },
    }


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _says(what: str, schema: Json) -> Json:
    return {"description": what, "content": {"application/json": {"schema": schema}}}
