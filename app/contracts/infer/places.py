"""Which of the places that were seen become fields, under which names."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.contracts.infer.guess import Spec, guess, json_spec
from app.contracts.infer.observe import Observer, Path, Seen
from app.contracts.infer.words import TELLING
from app.contracts.naming import free_name, words_of
from app.contracts.writing import bare

MAX_LEVELS = 3
MANY = 10  # samples, before one and the same value in all of them tells nothing
MAP_KEYS, MAP_SHARE = 20, 0.3  # so many keys, each in so few of the objects: a map


@dataclass(frozen=True, slots=True)
class Place:
    """A place that becomes a field: where it is, what was seen there, and what it is."""

    path: Path
    seen: Seen
    spec: Spec
    samples: int

    @property
    def required(self) -> bool:
        """Whether every sample had a value here."""
        return self.seen.there == self.samples

    @property
    def type(self) -> str:
        return str(bare(self.spec["type"]))

    @property
    def same(self) -> bool:
        """Whether many samples had one and the same value here, which tells nothing."""
        return self.seen.there >= MANY and self.seen.repeated and len(self.seen.first) == 1

    @property
    def evidence(self) -> str:
        """What speaks for it: `in 48 of 50, 2 of them null, 12 different`."""
        seen = self.seen
        told = [f"in {seen.there:,} of {self.samples:,}"]
        if seen.kinds["null"]:
            told.append(f"null in {seen.kinds['null']:,}")
        if seen.too_many_to_count:
            told.append(f"the first {len(seen.first):,} {REPEATED[seen.repeated]}")
        elif seen.first and self.samples > 1:
            told.append(_count_told(seen))
        return ", ".join(told)


def _count_told(seen: Seen) -> str:
    if not seen.repeated:
        return "all different" if seen.there > 1 else "once"
    return f"{len(seen.first):,} different" if len(seen.first) > 1 else "always the same"


REPEATED = {True: "differ, some came again", False: "differ, none of them came again"}


def places_of(observer: Observer, max_columns: int) -> dict[str, Place]:
    """Choose the fields and name them, in the order in which they were seen.

    All of the first level; of what is nested the most telling, up to `max_columns` in all.
    """
    found = [place for place in _places(observer.top, (), observer.samples)]
    first = [place for place in found if len(place.path) == 1]
    nested = sorted((p for p in found if len(p.path) > 1 and _is_lifted(p)), key=_rank)
    chosen = {place.path for place in (*first, *nested[: max(max_columns - len(first), 0)])}
    names: dict[str, Place] = {}
    for place in found:
        if place.path in chosen:
            names[free_name(place.path, names)] = place
    return names


def _places(seen: Seen, above: Path, samples: int) -> Iterator[Place]:
    for key, inner in (seen.keys or {}).items():
        path = (*above, key)
        if key == "":
            continue  # no path leads there
        if inner.kind == "object" and not _is_map(inner) and len(path) < MAX_LEVELS:
            yield from _places(inner, path, samples)
        elif inner.kind == "object" and _is_map(inner):
            yield Place(path, inner, json_spec("keys that differ from sample to sample"), samples)
        elif inner.kind != "object" and (spec := guess(key, inner)) is not None:
            yield Place(path, inner, spec, samples)


def _is_map(seen: Seen) -> bool:
    if seen.keys is None:
        return True
    there = sum(inner.kinds.total() for inner in seen.keys.values())
    return len(seen.keys) > MAP_KEYS and there < MAP_SHARE * len(seen.keys) * seen.there


def _is_lifted(place: Place) -> bool:
    """Whether a nested value is worth a column: links, long text and json are not."""
    long = place.type == "string" and not {"max_length", "one_of", "format"} & set(place.spec)
    return not long and place.type != "json" and place.spec.get("format") != "url"


def _rank(place: Place) -> tuple[int, int, bool]:
    telling = bool(TELLING & set(words_of(place.path[-1])[-1:])) and not place.same
    return (0 if telling else 1, len(place.path), not place.required)
