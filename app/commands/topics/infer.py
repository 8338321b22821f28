"""`forebay topics infer`: a topic file from samples."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic_core import from_json
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from app.commands.output import AsJson
from app.commands.topics.options import TOPICS, Folder
from app.commands.topics.written import Out, decisions_told, deliver, file_text, name_of
from app.contracts.drafts import Trial, filled, try_out
from app.contracts.infer.contents import MOST_COLUMNS, contents
from app.contracts.infer.observe import Observer
from app.contracts.topic_yaml import open_decisions
from app.contracts.writing import TODO, bare
from app.core.errors import Fatal

FIRST = 10  # bad lines that are told one by one
EVERY = 500  # lines, between two looks at the progress bar


@dataclass(slots=True)
class BadLines:
    """Lines that hold no sample: how many, and why the first of them do not."""

    count: int = 0
    first: dict[int, str] = field(default_factory=dict)

    def add(self, line: int, why: str) -> None:
        self.count += 1
        if len(self.first) < FIRST:
            self.first[line] = why


def infer(
    samples: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="NDJSON, also with .gz.")
    ],
    event: Annotated[str, typer.Option(help="What the event type shall be called.")],
    app: Annotated[str, typer.Option(help="The app that sends it.")] = "",
    out: Out = None,
    columns: Annotated[
        int, typer.Option(min=1, help="Lift values out of nested objects up to so many fields.")
    ] = MOST_COLUMNS,
    topics_dir: Folder = TOPICS,
    as_json: AsJson = False,
) -> None:
    """Write a topic file from samples: events, one JSON object a line.

        forebay topics infer samples.ndjson --event order_placed --app shop --out order_placed.yaml

    What the samples show is in the file, with the evidence in comments. What they can not show
    says TODO: what a field is about, what may be done with personal data, whom to ask. The rules:

    * A value of the first level becomes a field. Of nested objects the most telling values are
    lifted (path): ids, names, states and times first, never links and long text. The rest lands,
    whole, in the column _extra (unknown: keep).

    * A list of plain values, or of flat objects with at most 12 keys, becomes a list; any other
    list, values of mixed types, and objects whose keys differ from sample to sample are json.

    * Strings that are all UUIDs, times, days, e-mail addresses, links, … get that type or format.
    Whole numbers that are called a time and lie in the years 2000 to 2100 are epoch times.

    * one_of: at most 12 values over at least 50 samples, each at least three times. Codes of
    countries, currencies and languages under such a name are a format instead.

    * optional: absent or null in a sample.

    * The dedupe key is an id that is different in every sample; the partition key one that comes
    again; the day that of a time called occurred_at or alike, else the latest of all times.
    """
    name = name_of(event, "--event")
    observer, bad = Observer(), BadLines()
    for _, raw, sample in _read(samples, bad, "reading"):
        observer.look(sample, len(raw))
    if not observer.samples:
        raise Fatal(f"{samples}: no line holds a JSON object{_first_told(bad.first)}")
    content = contents(observer, name, name_of(app, "--app") if app else TODO, columns)
    head = [f"Inferred from {observer.samples:,} samples. Decide what says TODO."]
    text = file_text(content, head, out, topics_dir)
    trial = _tried(content, samples)
    report = {
        "samples": observer.samples,
        "bad_lines": {"count": bad.count, "first": _listed(bad.first)},
        "judged": None if trial is None else _judged(trial),
        "todo": list(open_decisions(bare(content))),
    }
    deliver(text, out, report, as_json)
    screen = Console(stderr=True, highlight=False, soft_wrap=True)
    screen.print(_told(observer, bad, trial), decisions_told(content, out), sep="\n", markup=False)


def _read(
    path: Path, bad: BadLines | None, doing: str
) -> Iterator[tuple[int, bytes, dict[str, Any]]]:
    """Each sample with its line and its bytes; the lines that hold none are told to `bad`."""
    from app.send.lines import opened  # with it comes an HTTP client

    with opened(path) as source, _watched(doing, source.size_bytes) as show:
        for line in source.events:
            if line.number % EVERY == 0:
                show(source.read_bytes)
            if not line.body and line.problem is None:
                continue
            try:
                sample = from_json(line.body) if line.problem is None else None
                why = line.problem or "an event is one JSON object"
            except ValueError as error:
                sample, why = None, f"not JSON: {error}"
            if isinstance(sample, dict):
                yield line.number, line.body, sample
            elif bad is not None:
                bad.add(line.number, why)


@contextmanager
def _watched(doing: str, size_bytes: int) -> Iterator[Callable[[int], None]]:
    """Show how far the file is read, on a terminal only."""
    screen = Console(stderr=True)
    columns = (TextColumn(doing), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task(doing, total=size_bytes)
        yield lambda read_bytes: bar.update(task, completed=read_bytes)


def _tried(content: dict[str, Any], samples: Path) -> Trial | None:
    """Judge the samples by the file, whatever is open in it decided somehow, if that can be."""
    try:
        contract = filled(content)
    except ValueError:
        return None
    return try_out(contract, ((line, raw) for line, raw, _ in _read(samples, None, "judging")))


def _told(observer: Observer, bad: BadLines, trial: Trial | None) -> str:
    told = f"{observer.samples:,} samples"
    if bad.count:
        told += f", and {bad.count:,} lines that hold none{_first_told(bad.first)}"
    if trial is None:
        return f"{told}.\nNot judged by the file: which time makes the day is open."
    told += f".\nJudged by the file: {trial.accepted:,} accepted, {trial.rejected:,} rejected"
    return f"{told}{_first_told(trial.first)}."


def _first_told(first: dict[int, str]) -> str:
    lines = [f"\n  line {number}: {why}" for number, why in first.items()]
    return ":" + "".join(lines) + "\n" if lines else ""


def _judged(trial: Trial) -> dict[str, Any]:
    return {
        "accepted": trial.accepted,
        "rejected": {"count": trial.rejected, "first": _listed(trial.first)},
    }


def _listed(first: dict[int, str]) -> list[dict[str, Any]]:
    return [{"line": line, "why": why} for line, why in first.items()]
