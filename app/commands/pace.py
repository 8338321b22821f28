"""How far a long command is, and when it will have ended: a line per step, on standard error."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

import typer

MINUTE, HOUR = 60, 3600
EMPTY_DAY = 1_000
"""A day costs as much as so many rows, whatever is in it."""


def about(seconds: float) -> str:
    """`40 s`, `4 min` or `2.5 h`."""
    if seconds < 2 * MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / MINUTE:.0f} min" if seconds < 2 * HOUR else f"{seconds / HOUR:.1f} h"


@dataclass
class Pace:
    """Days of one table, weighed by their rows, so that large days count for more."""

    event: str
    rows: Mapping[date, int]
    clock: Callable[[], float] = time.monotonic
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.clock()

    def told(self, left: int) -> str:
        """The line to print when all but the last `left` days are done."""
        weights = [rows + EMPTY_DAY for _, rows in sorted(self.rows.items())]
        done = max(0, len(weights) - left)
        so_far, to_come = sum(weights[:done]), sum(weights[done:])
        line = f"{self.event}: {done:,} of {len(weights):,} days"
        if not left or not so_far:
            return line
        seconds = (self.clock() - self.began) * to_come / so_far
        return f"{line}, about {about(seconds)} left"

    def tell(self, left: int) -> None:
        """Print it, where there is more than one step."""
        if left or len(self.rows) > 1:
            typer.echo(self.told(left), err=True)
