"""Random contracts: any types, nested and lifted, with every option that says what is taken."""

from typing import Any

import orjson
from hypothesis import strategies as st

from app.contracts.model import Contract

Options = dict[str, Any]
ABOUT = "Says nothing here."
PARCEL: dict[str, Options] = {
    "scan_id": {"type": "uuid", "about": ABOUT},
    "scanned_at": {"type": "timestamp", "about": ABOUT},
    "parcel_id": {"type": "string", "pii": "keep", "about": ABOUT},
}

texts = st.fixed_dictionaries(
    {"type": st.just("string"), "pii": st.sampled_from(["keep", "hash", "drop"])},
    optional={"max_length": st.integers(30, 60), "lenient": st.booleans()},
)
formats = st.sampled_from(["email", "url", "ip", "country", "currency", "language"]).map(
    lambda name: {"type": "string", "pii": "keep", "format": name}
)
choices = st.just({"type": "string", "pii": "keep", "one_of": ["a", "b c", "ß"]})
integers = st.fixed_dictionaries(
    {"type": st.just("integer")},
    optional={
        "minimum": st.integers(-9, 9),
        "maximum": st.integers(10, 99),
        "lenient": st.booleans(),
    },
)
numbers = st.fixed_dictionaries({"type": st.just("number")}, optional={"lenient": st.booleans()})
decimals = st.fixed_dictionaries(
    {"type": st.just("decimal"), "scale": st.integers(0, 9)},
    optional={"minimum": st.just("0.5"), "maximum": st.just(99), "lenient": st.booleans()},
)
booleans = st.fixed_dictionaries({"type": st.just("boolean")}, optional={"lenient": st.booleans()})
moments = st.fixed_dictionaries(
    {"type": st.just("timestamp")}, optional={"lenient": st.booleans()}
) | st.sampled_from(
    [
        {"type": "timestamp", "epoch": "seconds"},
        {"type": "timestamp", "epoch": "milliseconds", "lenient": True},
        {"type": "timestamp", "timezone": "Europe/Berlin"},
    ]
)
others = st.sampled_from(
    [
        {"type": "uuid"},
        {"type": "date"},
        {"type": "json", "pii": "keep"},
        {"type": "uuid", "pii": "hash"},
    ]
)
scalars: st.SearchStrategy[Options] = st.one_of(
    texts, formats, choices, integers, numbers, decimals, booleans, moments, others
)


def _lists(inner: st.SearchStrategy[Options]) -> st.SearchStrategy[Options]:
    items = inner.map(lambda options: options | ({"pii": "keep"} if "pii" in options else {}))
    return st.fixed_dictionaries(
        {"type": st.just("list"), "items": items}, optional={"max_items": st.integers(1, 3)}
    )


def _objects(inner: st.SearchStrategy[Options]) -> st.SearchStrategy[Options]:
    keys = st.sampled_from(["id", "Some Key", "a.b", "ß", "day"])
    return st.fixed_dictionaries(
        {"type": st.just("object"), "fields": st.dictionaries(keys, _named(inner), min_size=1)},
        optional={"unknown": st.sampled_from(["reject", "drop", "keep"])},
    )


def _named(field: st.SearchStrategy[Options]) -> st.SearchStrategy[Options]:
    more = st.fixed_dictionaries(
        {"about": st.just(ABOUT)},
        optional={"optional": st.just(True), "deprecated": st.just("2026-06-30")},
    )
    return st.builds(lambda options, said: options | said, field, more)


fields = _named(st.recursive(scalars, lambda inner: _lists(inner) | _objects(inner), max_leaves=6))
WAYS: list[list[str | int]] = [
    ["payload"], ["a.b", "c"], ["a.b", "d", "e"], ["a.b", "d", "f"], ["list", 0], ["list", 2, "x"],
    ["list", 2, "y"], ["deep", "er", 1, 0, "z"], ["scan", "by"], ["scan", "at"],
]  # fmt: skip


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    """A contract of the parcel's fields and some more, each at its own place."""
    more = draw(st.lists(fields, min_size=1, max_size=6))
    ways = draw(st.permutations(WAYS))
    for number, options in enumerate(more):
        if draw(st.booleans()):
            options["path"] = ways[number]
    named = {f"field_{number}": options for number, options in enumerate(more)}
    return Contract.model_validate_json(
        orjson.dumps(
            {
                "event": "parcel_scanned",
                "version": 1,
                "summary": "A parcel passed a scanner.",
                "app": "depot",
                "owners": {"team": "logistics", "chat": "#logistics"},
                "fields": PARCEL | named,
                "unknown": draw(st.sampled_from(["reject", "drop", "keep"])),
                "kafka": {"key": "parcel_id"},
                "dedupe": {"by": ["scan_id"], "keep": draw(st.sampled_from(["first", "last"]))},
                "day": {"from": "scanned_at"},
                "warehouse": {"table": "RAW.PARCEL_SCANNED"},
                "examples": [
                    {"name": "one", "given": {}, "row": {}},
                    {"name": "two", "given": {}, "rejected": {"reason": "schema"}},
                ],
            }
        )
    )
