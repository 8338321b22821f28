"""How the demo shows that it works: bars on a terminal, a line per step elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


class Bars:
    """Progress of the long steps, on standard error."""

    def __init__(self, screen: Console) -> None:
        self._screen = screen
        self._bars = Progress(
            TextColumn("{task.description:<28}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=screen,
            disable=not screen.is_terminal,
        )

    @contextmanager
    def shown(self) -> Iterator[None]:
        """While this is entered, the bars are on the screen."""
        with self._bars:
            yield

    def say(self, what: str) -> None:
        """A step begins."""
        self._screen.print(f"• {what}", style="dim")

    @contextmanager
    def sending(self, kind: str, new_events: int) -> Iterator[Callable[[int], None]]:
        """Gives a function that is told of events as they go out."""
        self.say(f"sending {kind}: {new_events:,} events, a fifth of them twice")
        task = self._bars.add_task(f"sent {kind}", total=round(new_events * 1.2))
        yield lambda count: self._bars.advance(task, count)
        self._bars.update(task, total=self._bars.tasks[task].completed)

    @contextmanager
    def sealing(self) -> Iterator[Callable[[int, int], None]]:
        """Gives a function that is told of offsets sealed, and of all offsets."""
        task = self._bars.add_task("sealed by the worker", total=None)
        yield lambda done, total: self._bars.update(task, completed=done, total=total)

    @contextmanager
    def loading(self) -> Iterator[Callable[[int, int], None]]:
        """Gives a function that is told of days loaded, and of all days."""
        self.say("replacing the days in the warehouse")
        task = self._bars.add_task("days loaded", total=None)
        yield lambda done, total: self._bars.update(task, completed=done, total=total)
