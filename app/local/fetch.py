"""`python -m app.local.fetch`: get Kafka's jars before they are needed, and show how far it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn

from app.local.jars import KAFKA, cached_jars, kafka_jars


def fetch_kafka_jars() -> Path:
    """`kafka_jars` with a progress bar on stderr; silent when they are there.

    Raises:
        Transient: Maven Central did not give them.
        Fatal: the optional packages of the local stack are not installed.
    """
    if (jars := cached_jars()) is not None:
        return jars
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task(f"Apache Kafka {KAFKA}", total=None)
        jars = kafka_jars(lambda name, size: _counted(bars, task, size))
    console.print(f"Apache Kafka {KAFKA} is in {jars}", highlight=False, soft_wrap=True)
    return jars


@contextmanager
def _counted(bars: Progress, task: TaskID, size: int) -> Iterator[Callable[[int], None]]:
    bars.update(task, total=(bars.tasks[task].total or 0) + size)
    yield lambda count: bars.advance(task, count)


if __name__ == "__main__":
    fetch_kafka_jars()
