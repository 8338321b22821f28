"""The arithmetic of memory over events, and the picture of it."""

import asyncio
from pathlib import Path

import pytest

from tests.bench.curve import Curve, Point, followed, thinned
from tests.bench.flat_peers import read_so_far
from tests.bench.plot import Panel, draw

MILLION = 1_000_000


def grown(first_mb: float, per_million_mb: float, millions: int = 10) -> Curve:
    points = (
        Point(n * MILLION, first_mb + n * per_million_mb, 20.0 * n) for n in range(1, millions + 1)
    )
    return Curve("forebay", tuple(points))


def test_a_slope_is_that_of_the_second_half_for_a_million_events() -> None:
    warm = tuple(Point(n * MILLION, 50.0 * n, n) for n in range(4))
    steady = tuple(Point(n * MILLION, 150.0 + n / 2, n) for n in range(4, 10))
    assert Curve("forebay", warm + steady).slope == pytest.approx(0.5)


def test_flat_is_under_200_mb_everywhere_and_less_than_1_mb_for_a_million_events() -> None:
    assert grown(150, 0.9).is_flat
    assert not grown(150, 1.1).is_flat
    assert not grown(196, 0.9).is_flat
    assert grown(150, -3).is_flat


def test_too_few_points_for_a_slope_are_told_and_not_called_flat() -> None:
    with pytest.raises(ValueError, match="forebay: 1 points are too few"):
        _ = grown(150, 0, millions=1).is_flat


def test_no_peak_between_two_points_is_lost_and_waiting_adds_no_point() -> None:
    events = (0, 100, 180, 290, 300, 370, 370, 370)
    memory = (60.0, 90.0, 70.0, 80.0, 75.0, 71.0, 72.0, 99.0)
    looks = [Point(e, mb, n) for n, (e, mb) in enumerate(zip(events, memory, strict=True))]
    assert thinned("forebay", looks, 100).points == (
        Point(100, 90.0, 1),
        Point(180, 70.0, 2),
        Point(300, 80.0, 4),
        Point(370, 99.0, 7),
    )


def test_what_an_event_costs_is_looked_up_between_the_nearest_points() -> None:
    assert grown(150, 0).cost(4_100_000, 5_900_000) == pytest.approx(20.0)
    with pytest.raises(ValueError, match="no two points between"):
        grown(150, 0).cost(4_100_000, 4_200_000)


def test_what_a_peer_told_last_is_how_far_it_is() -> None:
    assert read_so_far(["reading 0.4", "read 10000", "a warning", "read 20000"]) == 20_000
    assert read_so_far(["reading 0.4"]) == 0


async def test_a_process_that_is_followed_has_memory_and_time_at_each_look() -> None:
    process = await asyncio.create_subprocess_exec("sleep", "60")
    taken, asked_often = iter(range(100, 10_000, 100)), asyncio.Event()

    async def progress() -> int:
        events = next(taken)
        if events > 300:
            asked_often.set()
        return events

    async with followed(process.pid, progress, ask_seconds=0.05) as following:
        await asked_often.wait()
    process.kill()
    await process.wait()
    assert [look.events for look in following.looks[:3]] == [100, 200, 300]
    assert all(look.rss_mb > 0 for look in following.looks)


def test_the_same_curves_are_the_same_picture_to_the_byte(tmp_path: Path) -> None:
    panels = [Panel("one", [grown(150, 0.5)]), Panel("two", [grown(90, 30, 3)], "seals", 1)]
    pictures = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        files = draw(panels, tmp_path / name, "flat")
        assert [file.name for file in files] == ["flat.png", "flat.svg"]
        pictures.append([file.read_bytes() for file in files])
    assert pictures[0] == pictures[1]
    assert pictures[0][0].startswith(b"\x89PNG")
