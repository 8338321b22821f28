"""The lines of a run, as they come."""

from collections.abc import Callable

from tests.bench.model import Line, Sample

QUICK_SHARE = 10
MOST_WORDS = 200
"""Letters of an excuse."""


class Lines:
    """Gathers samples into lines, in the order in which the lines begin.

    Args:
        repeats: how often each pair is measured.
        quick: take a tenth of the events, to see that all works; the figures are rough then.
        say: told what is being measured.
    """

    def __init__(self, repeats: int, *, quick: bool, say: Callable[[str], None]) -> None:
        self.repeats, self.quick, self.say = repeats, quick, say
        self._lines: dict[tuple[str, str], Line] = {}

    @property
    def all(self) -> list[Line]:
        return list(self._lines.values())

    def some(self, number: int) -> int:
        """`number`, or a tenth of it in a quick run."""
        return max(1, number // QUICK_SHARE) if self.quick else number

    def add(self, bench: str, subject: str, unit: str, sample: Sample, note: str = "") -> None:
        """One more sample of a line."""
        empty = Line(bench, subject, unit, note=note)
        line = self._lines.get((bench, subject), empty)
        self._lines[bench, subject] = line.with_sample(sample)

    def absent(self, bench: str, subject: str, unit: str, why: str) -> None:
        """A line without samples, whatever was measured before."""
        short = " ".join(why.split())[:MOST_WORDS]
        self._lines[bench, subject] = Line(bench, subject, unit, absent=short)

    def of(self, bench: str, subject: str) -> Line:
        """One line as it is now."""
        return self._lines[bench, subject]
