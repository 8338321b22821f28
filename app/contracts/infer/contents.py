"""Put a topic file together from what was seen."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.contracts.drafts import draft
from app.contracts.infer.keys import day_field, dedupe_key, partition_key
from app.contracts.infer.observe import Observer
from app.contracts.infer.places import Place, places_of
from app.contracts.naming import path_of
from app.contracts.writing import TODO, Noted, bare

MOST_COLUMNS = 20
USUAL_BYTES = 262_144  # what an event may have if the file says nothing
MOST_BYTES = 1_000_000


def contents(
    observer: Observer, event: str, app: str = TODO, max_columns: int = MOST_COLUMNS
) -> dict[str, Any]:
    """What the topic file of `event` says, with evidence as comments and TODO for decisions."""
    places = places_of(observer, max_columns)
    dedupe = dedupe_key(event, places)
    return draft(
        event,
        app=app,
        fields={name: _field(name, place) for name, place in places.items()},
        unknown="keep",
        key=partition_key(places, dedupe),
        by=dedupe,
        day=day_field(places),
        max_event_bytes=_room(observer.longest_bytes),
    )


def _field(name: str, place: Place) -> Noted:
    optional = {} if place.required else {"optional": True}
    spec = {**bare(place.spec), **path_of(name, place.path), **optional, "about": TODO}
    return Noted(spec, "; ".join([place.evidence, *_remarks(place.spec)]))


def _remarks(spec: Mapping[str, Any], of: str = "") -> Iterator[str]:
    """What stands beside the options of a field, and of those within it under their names."""
    for key, value in spec.items():
        if isinstance(value, Noted):
            if value.note:
                yield f"{of}{value.note}"
        elif key == "items":
            yield from _remarks(value, of)
        elif key == "fields":
            for name, inner in value.items():
                yield from _remarks(inner, f"{name}: ")


def _room(longest_bytes: int) -> int | None:
    """Twice the longest sample, where the usual limit is less than that."""
    return min(2 * longest_bytes, MOST_BYTES) if 2 * longest_bytes > USUAL_BYTES else None
