"""How a metric is declared: what it counts, in which unit, and what bounds its labels.

`app.metrics` declares them all. A metric's name says whose it is: `forebay_<role>_…`, or, without
a role, that each role has it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.metrics_core import Metric as Family

Kind = Literal["counter", "gauge", "histogram"]
Unit = Literal[
    "bytes", "days", "events", "incidents", "objects", "offsets", "partitions", "records",
    "requests", "rows", "runs", "seals", "seconds", "values", "yes or no",
]  # fmt: skip


ROLES = ("gateway", "worker", "scheduler")
EACH = "each role"


@dataclass(frozen=True, slots=True)
class Bound:
    """What bounds the values of a label: said in words, and listed where all are known here."""

    about: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Declared:
    """One metric as it was declared."""

    name: str
    kind: Kind
    about: str
    unit: Unit
    labels: Mapping[str, Bound] = field(default_factory=dict)

    @property
    def role(self) -> str:
        word = self.name.split("_")[1]
        return word if word in ROLES else EACH


DECLARED: dict[str, Declared] = {}
"""All metrics, by name, in the order of `app.metrics`."""


def counter(name: str, about: str, unit: Unit, **labels: Bound) -> Counter:
    """Declare what only grows; its name ends with `_total`."""
    return Counter(name, about, _declared("counter", name, about, unit, labels))


def gauge(name: str, about: str, unit: Unit, **labels: Bound) -> Gauge:
    """Declare what goes up and down."""
    return Gauge(name, about, _declared("gauge", name, about, unit, labels))


def histogram(
    name: str, about: str, unit: Unit, buckets: Sequence[float], **labels: Bound
) -> Histogram:
    """Declare what is measured again and again; `buckets` are upper bounds, in `unit`."""
    names = _declared("histogram", name, about, unit, labels)
    return Histogram(name, about, names, buckets=buckets)


def _declared(
    kind: Kind, name: str, about: str, unit: Unit, labels: Mapping[str, Bound]
) -> tuple[str, ...]:
    DECLARED[name] = Declared(name, kind, about, unit, labels)
    return tuple(labels)


class OfRole:
    """What one role shows: its own metrics and those of its process, for the others' are empty,
    and an alert on a metric that is absent, or 0, would not know whose it is."""

    def __init__(self, role: str) -> None:
        self._others = tuple(f"forebay_{other}_" for other in ROLES if other != role)

    def collect(self) -> Iterable[Family]:
        for family in REGISTRY.collect():
            if not family.name.startswith(self._others):
                yield family
