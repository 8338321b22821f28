"""The tables on a terminal and on the page."""

from io import StringIO
from pathlib import Path

from rich.console import Console

from tests.bench.model import OURS, Line, Sample, Target, verdicts
from tests.bench.record import Run, read_record, run_now, write_record
from tests.bench.results import BY_HAND, page, written_by_hand
from tests.bench.table import COLUMNS, show

LINES = [
    Line("gateway", OURS, "µs", (Sample(17.4, 61, 44_000), Sample(16.6), Sample(18.5))),
    Line("gateway", "node", "µs", (Sample(85.7, 174, 12_000),)),
    Line("gateway", "go", "µs", absent="go build failed: no | network\nat all"),
]
VERDICTS = verdicts([Target("gateway", 20), Target("gateway", 1, than="go")], LINES)


def printed() -> str:
    out = StringIO()
    show(Console(file=out, width=COLUMNS), LINES, VERDICTS)
    return out.getvalue()


def paged(by_hand: str = "") -> str:
    runs = {"gateway": Run("2026-03-01 12:00", "1234abc", "0.1 0.2 0.3", tuple(LINES))}
    return page(runs, VERDICTS, versions={"Kafka": "4"}, by_hand=by_hand)


def row(text: str, start: str) -> list[str]:
    (line,) = (line for line in text.splitlines() if line.lstrip().startswith(start))
    return line.split()


def test_a_terminal_of_80_columns_shows_medians_spreads_ratios_and_memory() -> None:
    assert row(printed(), OURS) == [OURS, "17.4", "16.6–18.5", "61", "44,000"]
    assert row(printed(), "node") == ["node", "85.7", "85.7–85.7", "4.93", "174", "12,000"]
    assert max(map(len, printed().splitlines())) <= COLUMNS


def test_an_absent_peer_is_named_with_the_reason_on_the_terminal_and_on_the_page() -> None:
    assert "go is absent: go build failed" in " ".join(printed().split())
    assert "| go | absent: go build failed: no \\| network at all |" in paged()


def test_the_page_names_command_machine_versions_and_each_verdict() -> None:
    assert '`make bench ARGS="--only gateway"`, 2026-03-01 12:00 UTC, commit 1234abc' in paged()
    assert "cores |" in paged()
    assert "| Kafka | 4 |" in paged()
    assert "| gateway | at most 20 | 17.4 | met |" in paged()
    assert "| gateway | at most 1× go | – | **go is absent** |" in paged()
    assert "| node | 85.7 | 85.7–85.7 | 4.93 | 174 | 12,000 |" in paged()


def test_what_was_written_by_hand_is_kept_when_the_page_is_made_anew() -> None:
    by_hand = "\n## Where the time goes\n\nIn HTTP.\n"
    assert written_by_hand(paged(by_hand)) == by_hand
    assert written_by_hand(paged(written_by_hand(paged(by_hand)))) == by_hand
    assert paged(by_hand).count(BY_HAND) == 1


def test_what_a_bench_found_is_read_again_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    assert read_record(path) == {}
    runs = {"gateway": run_now("1234abc", LINES), "worker": run_now("1234abd", ())}
    write_record(runs, path)
    assert read_record(path) == runs
