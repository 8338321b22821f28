"""The worker's bench counts what was really kept, by ours and by peers."""

from pathlib import Path

import pytest

from tests.bench.events import names, resent
from tests.bench.fill import fill_topics
from tests.bench.ground import opened_ground
from tests.bench.growth import slope
from tests.bench.peers.catalogue import PEERS
from tests.bench.worker import Course, filled, ours, theirs

EVENTS = 2_000
KEPT = 1_800
HERE = ("loop", "faust")
"""Peers that need no installation."""


async def test_ours_and_the_peers_read_all_events_and_keep_each_once(tmp_path: Path) -> None:
    async with opened_ground(tmp_path) as ground:
        course = await filled(ground, "few", 2, "small", list(resent(EVENTS)))
        assert (course.count, course.kept) == (EVENTS, KEPT)
        sample, found = await ours(ground, course, "few-ours")
        assert (found["received"], found["staged"]) == (EVENTS, KEPT)
        assert sample.rss_mb
        for name in HERE:
            samples = await theirs(ground, PEERS[name], course, f"few-{name}")
            assert samples[name].value > 0
            assert samples[name].rss_mb


async def test_a_peer_that_keeps_another_number_than_there_is_has_no_figure(tmp_path: Path) -> None:
    async with opened_ground(tmp_path) as ground:
        events = names(1, "wrong")
        await ground.topics("wrong", events)
        await fill_topics(ground, events, range(100))
        with pytest.raises(RuntimeError, match="loop got 100 events and says"):
            await theirs(ground, PEERS["loop"], Course(tuple(events), 100, 99), "wrong-loop")


def test_a_slope_is_what_one_more_costs() -> None:
    assert slope({1: 10.0, 11: 15.0, 21: 20.0}) == pytest.approx(0.5)
