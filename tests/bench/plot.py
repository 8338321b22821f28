"""Curves as a picture, the same bytes for the same curves."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from tests.bench.curve import FLAT_MB, MILLION, Curve
from tests.bench.model import OURS

FORMATS = ("png", "svg")


@dataclass(frozen=True, slots=True)
class Panel:
    """Some curves over one axis of `unit`, of which there are so many in one mark of the axis."""

    title: str
    curves: Sequence[Curve]
    unit: str = "million events"
    per: int = MILLION


def draw(panels: Sequence[Panel], folder: Path, name: str) -> list[Path]:
    """Write `<name>.png` and `<name>.svg`, panels side by side; returns where they are."""
    figure = Figure(figsize=(4.6 * len(panels), 4.2), layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for curve in panel.curves:
            ours = curve.subject.startswith(OURS)
            axes.plot(
                [point.events / panel.per for point in curve.points],
                [point.rss_mb for point in curve.points],
                label=curve.subject,
                linewidth=2.2 if ours else 1.2,
                zorder=3 if ours else 2,
            )
        axes.axhline(FLAT_MB, color="grey", linestyle="--", linewidth=0.8)
        axes.set(title=panel.title, xlabel=panel.unit, ylabel="RSS, MB")
        axes.set_ylim(bottom=0)
        axes.set_xlim(left=0)
        axes.legend(fontsize="small")
        axes.grid(alpha=0.3)
    files = [folder / f"{name}.{kind}" for kind in FORMATS]
    with rc_context({"svg.hashsalt": name}):  # ids in the SVG would be random
        for file in files:
            unsaid = "Date" if file.suffix == ".svg" else "Software"
            figure.savefig(file, metadata={unsaid: None}, dpi=110)
    return files
