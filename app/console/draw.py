"""Pictures as SVG, drawn by the server: no script, and no style but the one sheet's classes.

Their text stands beside them in HTML, so that it keeps its size however narrow the screen is.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup, escape

HEIGHT = 100
STEP = 10
MIN_SHARE = 1.5
"""Of the height in percent: what is there at all can be seen."""


@dataclass(frozen=True, slots=True)
class Series:
    """One colour of a stacked chart: `name` is its class and its label."""

    name: str
    values: Sequence[float]


def stacked(series: Sequence[Series], hints: Sequence[str], most: float, label: str) -> Markup:
    """Bars, one for each hint, of the values of all series one upon the other."""
    width = len(hints) * STEP
    parts = []
    for at, hint in enumerate(hints):
        top = float(HEIGHT)
        bars = ""
        for one in series:
            if value := one.values[at]:
                height = max(value / most * HEIGHT, MIN_SHARE) if most else 0.0
                top -= height
                bars += (
                    f'<rect class="{one.name}" x="{at * STEP + 1}" y="{max(top, 0):.1f}" '
                    f'width="{STEP - 2}" height="{height:.1f}"/>'
                )
        parts.append(
            f'<g><title>{escape(hint)}</title><rect class="hit" x="{at * STEP}" y="0" '
            f'width="{STEP}" height="{HEIGHT}"/>{bars}</g>'
        )
    return _svg(width, HEIGHT, "".join(parts), label, "chart")


def stepped(values: Sequence[float | None], most: float, label: str, goal: float | None) -> Markup:
    """A line over the slots, with gaps where there is no value, and the goal as a line across."""
    path = ""
    pen_down = False
    for at, value in enumerate(values):
        if value is None:
            pen_down = False
            continue
        y = HEIGHT - (min(value / most, 1.0) * (HEIGHT - 4) if most else 0.0)
        path += f"{'L' if pen_down else 'M'}{at * STEP:g} {y:.1f}H{(at + 1) * STEP:g}"
        pen_down = True
    width = len(values) * STEP
    drawn = f'<path class="line" d="{path}"/>' if path else ""
    if goal is not None and most and goal <= most:
        y = HEIGHT - goal / most * (HEIGHT - 4)
        drawn += f'<path class="goal" d="M0 {y:.1f}H{width}"/>'
    return _svg(width, HEIGHT, drawn, label, "chart")


def spark(values: Sequence[float]) -> Markup:
    """A few small bars beside a number, told by nothing but the number."""
    most = max(values, default=0)
    if not most:
        return Markup()
    path = "".join(
        f"M{at * 2 + 1} 20V{20 - max(value / most * 19, 1.5):.1f}"
        for at, value in enumerate(values)
        if value
    )
    inner = f'<path class="spark" d="{path}"/>'
    return Markup(
        f'<svg class="spark" viewBox="0 0 {len(values) * 2} 20" preserveAspectRatio="none" '
        f'aria-hidden="true">{inner}</svg>'
    )


@dataclass(frozen=True, slots=True)
class Bar:
    """From one moment to another, of a class, with what is told on hovering."""

    begin: datetime
    end: datetime
    name: str
    hint: str


def timeline(bars: Iterable[Bar], first: datetime, length: timedelta) -> Markup:
    """Bars on a line of time, each wide enough to be seen."""
    parts = []
    for bar in bars:
        left = max((bar.begin - first) / length, 0.0) * 1_000
        right = min((bar.end - first) / length, 1.0) * 1_000
        wide = max(right - left, 5.0)
        left = min(left, 1_000 - wide)
        parts.append(
            f'<rect class="{bar.name}" x="{left:.1f}" y="2" width="{wide:.1f}" height="12" rx="2">'
            f"<title>{escape(bar.hint)}</title></rect>"
        )
    return _svg(1_000, 16, "".join(parts), "", "timeline")


def shares(series: Sequence[Series], label: str) -> Markup:
    """One bar, divided; each part is seen, however small it is."""
    total = sum(one.values[0] for one in series)
    left, parts = 0.0, []
    for one in series:
        if value := one.values[0]:
            wide = max(value / total * 1_000, 4.0)
            parts.append(
                f'<rect class="{one.name}" x="{left:.1f}" y="0" width="{wide:.1f}" height="10"/>'
            )
            left += wide
    return _svg(max(left, 1.0), 10, "".join(parts), label, "shares")


def _svg(width: float, height: float, inner: str, label: str, name: str) -> Markup:
    said = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    return Markup(
        f'<svg class="{name}" viewBox="0 0 {width:g} {height:g}" preserveAspectRatio="none" '
        f"{said}>{inner}</svg>"
    )


def ceiling(most: float) -> float:
    """The end of an axis: the next of 1, 2, 5, 10, … that holds `most`."""
    size = 1.0
    while size * 10 < most:
        size *= 10
    return next((size * step for step in (1, 2, 5, 10) if size * step >= most), size * 10)


CEILINGS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200)
DAY_SECONDS = 86_400


def ceiling_seconds(most: float) -> float:
    """The same for spans of time: a number of seconds, minutes, hours or days that is said so."""
    whole_days = max(math.ceil(most / DAY_SECONDS), 1) * DAY_SECONDS
    return next((float(step) for step in CEILINGS if step >= most), float(whole_days))
