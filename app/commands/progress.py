"""What a long command is doing: on a terminal only, on standard error, beside the result."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

Show = Callable[[str, int, int | None], None]
"""Called with the step's name, how much of it is done, and how much there is (None: unknown)."""


@contextmanager
def watched(screen: Console) -> Iterator[Show]:
    """Show each step with how far it is."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        tasks: dict[str, TaskID] = {}

        def show(step: str, done: int, total: int | None) -> None:
            if step not in tasks:
                tasks[step] = bar.add_task(step, total=None)
            of = "" if total is None else f" of {total:,}"
            bar.update(tasks[step], description=f"{step} {done:,}{of}")

        yield show
