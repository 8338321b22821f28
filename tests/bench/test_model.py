"""Medians, ratios and verdicts."""

import pytest

from tests.bench.lines import Lines
from tests.bench.model import OURS, Line, Sample, Target, Verdict, ratio, shown, verdicts


def line(subject: str, *values: float, bench: str = "gateway", rss_mb: float = 50) -> Line:
    return Line(bench, subject, "µs", tuple(Sample(value, rss_mb) for value in values))


def judged(target: Target, *lines: Line) -> Verdict:
    (verdict,) = verdicts([target], lines)
    return verdict


def test_a_line_tells_the_median_the_spread_and_the_largest_memory_of_its_repeats() -> None:
    repeats = (Sample(7, 60, 100), Sample(9, 90, 300), Sample(30, 80, 200))
    told = Line("gateway", OURS, "µs", repeats)
    assert (told.value, told.spread, told.rss_mb, told.per_second) == (9, (7, 30), 90, 200)


def test_a_line_without_samples_has_no_figures() -> None:
    told = Line("gateway", "go", "µs", absent="there is no program go")
    assert (told.value, told.spread, told.rss_mb, told.per_second) == (None, None, None, None)


def test_a_ratio_says_how_many_times_as_much_as_ours_a_peer_takes_in_the_same_bench() -> None:
    lines = [line(OURS, 20), line("node", 90), line(OURS, 5, bench="worker")]
    assert ratio(lines[1], lines) == 4.5
    assert ratio(lines[0], lines) is None
    assert ratio(line("go", 3, bench="start"), lines) is None


@pytest.mark.parametrize(
    ("ours", "met", "text"),
    [(18.0, True, "met"), (20.0, True, "met"), (25.0, False, "missed by 25 %"),
     (70.0, False, "missed 3.5 times")],
)  # fmt: skip
def test_a_target_of_our_own_figure(ours: float, met: bool, text: str) -> None:
    verdict = judged(Target("gateway", 20), line(OURS, ours))
    assert (verdict.met, str(verdict), verdict.measured) == (met, text, shown(ours))


@pytest.mark.parametrize(
    ("theirs", "met", "measured"),
    [(80.0, True, "4.0× less"), (100.0, True, "5.0× less"), (40.0, False, "2.0× less"),
     (10.0, False, "2.00× as much")],
)  # fmt: skip
def test_a_target_of_at_least_four_times_less(theirs: float, met: bool, measured: str) -> None:
    verdict = judged(Target("gateway", 1 / 4, than="node"), line(OURS, 20), line("node", theirs))
    assert (verdict.met, verdict.measured) == (met, measured)
    assert str(verdict.target) == "at least 4× less than node"


def test_a_target_of_memory_looks_at_the_peak_and_not_at_the_median() -> None:
    target = Target("gateway", 200, of="rss_mb")
    assert judged(target, line(OURS, 999, rss_mb=150)).met is True
    assert judged(target, line(OURS, 1, rss_mb=250)).met is False


def test_a_target_against_a_peer_that_is_absent_is_neither_met_nor_missed() -> None:
    absent = Line("gateway", "go", "µs", absent="there is no program go")
    verdict = judged(Target("gateway", 1, than="go"), line(OURS, 20), absent)
    assert (verdict.met, str(verdict)) == (None, "go is absent")
    unasked = judged(Target("gateway", 1, than="go"), line(OURS, 20))
    assert (unasked.met, str(unasked)) == (None, "go was not run")


def test_targets_of_benches_that_were_not_run_are_left_out() -> None:
    assert verdicts([Target("worker", 20)], [line(OURS, 20)]) == []


def test_samples_gather_in_the_line_of_their_subject_in_the_order_of_the_first() -> None:
    lines = Lines(2, quick=False, say=lambda _: None)
    for value in (1.0, 2.0):
        lines.add("gateway", OURS, "µs", Sample(value))
        lines.add("gateway", "node", "µs", Sample(value * 4))
    lines.absent("gateway", "go", "µs", "there is no program go")
    assert [(told.subject, told.value) for told in lines.all] == [
        (OURS, 1.5), ("node", 6.0), ("go", None),
    ]  # fmt: skip


def test_a_quick_run_takes_a_tenth_and_never_nothing() -> None:
    quick = Lines(1, quick=True, say=lambda _: None)
    assert (quick.some(1_000), quick.some(5)) == (100, 1)
    assert Lines(3, quick=False, say=lambda _: None).some(1_000) == 1_000
