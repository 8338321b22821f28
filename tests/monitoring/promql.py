"""What a PromQL expression asks for, as Prometheus's grammar reads it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import promql_parser

CHILDREN = ("expr", "lhs", "rhs", "vector_selector")


@dataclass(frozen=True)
class Asked:
    """The metrics with their label matchers (label, operator, value); the labels grouped by."""

    metrics: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...]
    grouped_by: frozenset[str]


def asked(text: str) -> Asked:
    """Parse it; raises `ValueError` for what is no PromQL."""
    nodes = list(_walk(promql_parser.parse(text)))
    selectors = [n for n in nodes if isinstance(n, promql_parser.VectorSelector)]
    grouped = [n.modifier.labels for n in nodes if getattr(n, "modifier", None) is not None
               and hasattr(n.modifier, "labels")]  # fmt: skip
    return Asked(
        tuple((selector.name, tuple(_matchers(selector))) for selector in selectors),
        frozenset(label for labels in grouped for label in labels),
    )


def _walk(node: Any) -> Iterator[Any]:
    yield node
    for name in CHILDREN:
        child = getattr(node, name, None)
        if child is not None:
            yield from _walk(child)
    for child in getattr(node, "args", None) or ():
        yield from _walk(child)


def _matchers(selector: Any) -> Iterator[tuple[str, str, str]]:
    for matcher in selector.matchers.matchers:
        yield matcher.name, str(matcher.op), matcher.value
