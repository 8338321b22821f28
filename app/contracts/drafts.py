"""A topic file with decisions left open, as `infer`, `import` and `new` leave it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from app.contracts.compile import compile_contract
from app.contracts.examples import EXAMPLE_PII_KEY
from app.contracts.model import Contract
from app.contracts.sample import as_sent, sample_events
from app.contracts.topic_yaml import Open
from app.contracts.writing import TODO, Noted, bare
from app.core.errors import Fatal, Rejected, RejectedError
from app.core.judge import Accepted, judge

FILLED: Mapping[str, Any] = {
    "pii": "keep",
    "about": "To be decided.",
    "summary": "To be decided.",
    "app": "to_be_decided",
    "team": "to-be-decided",
    "chat": "#to-be-decided",
    "timezone": "UTC",
}
KEYS = ("string", "integer", "uuid", "date")
PLACEHOLDERS: list[dict[str, Any]] = [
    {"name": "lands", "given": {}, "row": {}},
    {"name": "is rejected", "given": {}, "rejected": {"reason": "schema"}},
]
OWN = frozenset({"unknown", "key", "by", "from", "max_event_bytes"})  # not left to the defaults
FIRST = 10  # rejected samples that are told one by one
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def draft(
    event: str,
    *,
    fields: Mapping[str, Any],
    key: Any,
    by: Any,
    day: Any,
    app: str = TODO,
    summary: str = TODO,
    owners: Mapping[str, str] | None = None,
    unknown: str = "reject",
    max_event_bytes: int | None = None,
) -> dict[str, Any]:
    """What a new topic file says. Its examples are made up, so that they hold nobody's data."""
    more = {} if max_event_bytes is None else {"max_event_bytes": max_event_bytes}
    content = {
        "event": event,
        "version": 1,
        "summary": summary,
        "app": app,
        "owners": dict(owners or {"team": TODO, "chat": TODO}),
        "unknown": _told_unknown(unknown),
        "fields": dict(fields),
        "kafka": {"key": key, "size": "small", **more},
        "dedupe": {"by": [by], "remember_days": 3},
        "day": {"from": day, "timezone": "UTC", "late_days": 3},
        "warehouse": {"table": f"RAW.{event.upper()}"},
    }
    return {**content, "examples": _examples(content)}


def _told_unknown(unknown: str) -> Any:
    if unknown == "keep":
        return Noted(unknown, "what no field takes lands in _extra, personal data too")
    return unknown


def filled(content: Mapping[str, Any]) -> Contract:
    """Decide what is open, somehow, so that the rest can be tried.

    Raises:
        ValueError: something is open that can not be decided, such as the day if there is no time.
    """
    said = _filled(bare(content), "")
    fields = said["fields"]
    said["kafka"]["key"] = _chosen(said["kafka"]["key"], fields, KEYS)
    said["dedupe"]["by"] = [_chosen(name, fields, KEYS) for name in said["dedupe"]["by"]]
    day = said["day"]["from"] = _chosen(said["day"]["from"], fields, ("timestamp",))
    if day not in fields or fields[day]["type"] != "timestamp":
        raise ValueError(f"{day} is no timestamp")
    if isinstance(said.get("examples", TODO), Open):
        said["examples"] = PLACEHOLDERS
    return Contract.model_validate_json(json.dumps(said))


def _filled(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return {name: _filled(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, key) for inner in value]
    return FILLED.get(key, value) if isinstance(value, Open) else value


def _chosen(name: str, fields: Mapping[str, Any], types: tuple[str, ...]) -> str:
    """The field that is named, or one that would do."""
    if not isinstance(name, Open):
        return name
    for other, spec in fields.items():
        if spec["type"] in types and not spec.get("optional") and "default" not in spec:
            return other
    raise ValueError(f"no field is {' or '.join(types)} and in every event")


def _examples(content: Mapping[str, Any]) -> Any:
    """Two made-up examples: one lands, one lacks its time."""
    try:
        contract = filled(content)
        [event] = sample_events(contract, 1, 1, NOON, timedelta(seconds=1), optional=False)
    except (ValueError, Fatal) as error:
        return Noted(TODO, f"none could be made up: {error}")
    kind = compile_contract(contract, EXAMPLE_PII_KEY)
    lands = judge(kind, as_sent(event), NOON)
    assert isinstance(lands, Accepted), lands
    lacking = _without(event, contract.fields[contract.day.source].way(contract.day.source))
    rejected = judge(kind, as_sent(lacking), NOON)
    assert isinstance(rejected, Rejected), rejected
    return [
        {
            "name": "made up, and good",
            "given": event,
            "row": {"day": lands.day.isoformat()},
        },
        {
            "name": "made up, without the time when it happened",
            "given": lacking,
            "rejected": {"reason": str(rejected.reason), "field": rejected.field},
        },
    ]


def _without(event: Any, way: tuple[str | int, ...]) -> Any:
    step, *further = way
    if not further:
        return {key: value for key, value in event.items() if key != step}
    return {**event, step: _without(event[step], tuple(further))}


def beside_defaults(content: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what the app's `_app.yaml` says already."""
    left: dict[str, Any] = {}
    for key, value in content.items():
        shared = defaults.get(key)
        if key == "warehouse" and isinstance(shared, Mapping) and "schema" in shared:
            continue  # its table is named after the event
        if isinstance(value, Mapping) and isinstance(shared, Mapping):
            value = {inner: v for inner, v in value.items() if inner not in shared or inner in OWN}
            if not value:
                continue
        elif key in defaults and (key not in OWN or bare(value) == shared):
            continue
        left[key] = value
    return left


@dataclass(slots=True)
class Trial:
    """What became of samples that were judged: the first rejected ones by their line."""

    accepted: int = 0
    rejected: int = 0
    first: dict[int, str] = field(default_factory=dict)


def try_out(contract: Contract, samples: Iterable[tuple[int, bytes]]) -> Trial:
    """Judge samples, each with its line number, as if received the moment they happened."""
    kind, trial = compile_contract(contract, EXAMPLE_PII_KEY), Trial()
    for line, raw in samples:
        try:
            verdict = judge(kind, raw, kind.occurred_at(kind.parse(raw)))
        except RejectedError as error:
            verdict = error.verdict
        if isinstance(verdict, Rejected):
            trial.rejected += 1
            if len(trial.first) < FIRST:
                trial.first[line] = verdict.message
        else:
            trial.accepted += 1
    return trial
