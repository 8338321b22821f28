"""What Faust and aiokafka say of a server that is away, or not there yet."""

import logging

import pytest
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError

from app.worker import quiet
from app.worker.quiet import Repeats

LOOKUP = "Group Coordinator Request failed: %s"


def said(error: Exception) -> logging.LogRecord:
    name = "aiokafka.consumer.group_coordinator"
    return logging.LogRecord(name, logging.ERROR, __file__, 1, LOOKUP, (error,), None)


def test_an_error_is_let_through_now_and_then() -> None:
    repeats = Repeats(seconds=1_000.0)
    assert [repeats.filter(said(KafkaError())) for _ in range(3)] == [True, False, False]
    assert Repeats(seconds=0.0).filter(said(KafkaError()))


def test_that_a_new_clusters_first_group_has_no_coordinator_yet_is_no_error_unless_it_lasts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    repeats = Repeats(seconds=0.0)
    assert not any(repeats.filter(said(GroupCoordinatorNotAvailableError())) for _ in range(3))
    monkeypatch.setattr(quiet, "EXPECTED_SECONDS", 0.0)
    assert repeats.filter(said(GroupCoordinatorNotAvailableError()))
