"""What a bench says: lines of repeated measurements, and the targets that these are held to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Literal

OURS = "forebay"


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement: `value` is what the line is about, the others come along."""

    value: float
    rss_mb: float | None = None
    per_second: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """What one `subject` took in one `bench`, each time it was measured.

    `absent` says why there is no sample; `note` is for the reader.
    """

    bench: str
    subject: str
    unit: str
    samples: tuple[Sample, ...] = ()
    absent: str = ""
    note: str = ""

    def with_sample(self, sample: Sample) -> "Line":
        return replace(self, samples=(*self.samples, sample))

    @property
    def value(self) -> float | None:
        """The median."""
        return median(sample.value for sample in self.samples) if self.samples else None

    @property
    def spread(self) -> tuple[float, float] | None:
        values = [sample.value for sample in self.samples]
        return (min(values), max(values)) if values else None

    @property
    def rss_mb(self) -> float | None:
        """The largest peak of all repeats."""
        return max((s.rss_mb for s in self.samples if s.rss_mb is not None), default=None)

    @property
    def per_second(self) -> float | None:
        """The median of the walls, which say as much of the machine's other load as of this."""
        rates = [s.per_second for s in self.samples if s.per_second is not None]
        return median(rates) if rates else None


@dataclass(frozen=True, slots=True)
class Target:
    """Our median (or largest memory) in `bench` is to be at most this, in the line's unit.

    With `than`, a subject of the same bench, it is to be at most so many times what that takes.
    """

    bench: str
    at_most: float
    than: str = ""
    of: Literal["value", "rss_mb"] = "value"
    subject: str = OURS

    def __str__(self) -> str:
        if not self.than:
            return f"at most {self.at_most:g}{' MB' if self.of == 'rss_mb' else ''}"
        if self.at_most < 1:
            return f"at least {1 / self.at_most:g}× less than {self.than}"
        return f"at most {self.at_most:g}× {self.than}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`found` is what is compared with `target.at_most`; None when `why` it can not be."""

    target: Target
    found: float | None
    why: str = ""

    @property
    def met(self) -> bool | None:
        return None if self.found is None else self.found <= self.target.at_most

    @property
    def measured(self) -> str:
        if self.found is None:
            return "–"
        if not self.target.than:
            return shown(self.found)
        if self.found < 1:
            return f"{1 / self.found:.1f}× less"
        return f"{self.found:.2f}×" + (" as much" if self.target.at_most < 1 else "")

    def __str__(self) -> str:
        if self.found is None:
            return self.why
        if self.met:
            return "met"
        excess = self.found / self.target.at_most
        return (
            f"missed by {(excess - 1) * 100:.0f} %" if excess < 2 else f"missed {excess:.1f} times"
        )


def verdicts(targets: Iterable[Target], lines: Sequence[Line]) -> list[Verdict]:
    """Judge the targets of benches that were run; leave the others out."""
    run = {line.bench for line in lines}
    return [_judged(target, lines) for target in targets if target.bench in run]


def _judged(target: Target, lines: Sequence[Line]) -> Verdict:
    ours, why = _found(target, target.subject, lines)
    if ours is None or not target.than:
        return Verdict(target, ours, why)
    theirs, why = _found(target, target.than, lines)
    if theirs is None:
        return Verdict(target, None, why)
    if not theirs:
        return Verdict(target, None, f"{target.than} took less than can be measured")
    return Verdict(target, ours / theirs)


def _found(target: Target, subject: str, lines: Sequence[Line]) -> tuple[float | None, str]:
    for line in lines:
        if (line.bench, line.subject) == (target.bench, subject):
            found = line.value if target.of == "value" else line.rss_mb
            return found, "" if found is not None else f"{subject} is absent"
    return None, f"{subject} was not run"


def ratio(line: Line, lines: Sequence[Line]) -> float | None:
    """How many times as much as ours this line's median is; None for our own lines."""
    ours = [o.value for o in lines if o.bench == line.bench and o.subject == OURS]
    if line.subject == OURS or not ours or not ours[0] or line.value is None:
        return None
    return line.value / ours[0]


def shown(value: float) -> str:
    """A figure with about three digits."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
