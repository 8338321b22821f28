"""What aiokafka says of a cluster that never had a group."""

import logging

import pytest
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError

from app.worker import quiet
from app.worker.quiet import Expected

LOOKUP = "Group Coordinator Request failed: %s"


def said(error: Exception) -> logging.LogRecord:
    name = "aiokafka.consumer.group_coordinator"
    return logging.LogRecord(name, logging.ERROR, __file__, 1, LOOKUP, (error,), None)


def test_that_a_new_clusters_first_group_has_no_coordinator_yet_is_no_error_unless_it_lasts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = Expected()
    assert expected.filter(said(KafkaError()))
    assert not any(expected.filter(said(GroupCoordinatorNotAvailableError())) for _ in range(3))
    monkeypatch.setattr(quiet, "EXPECTED_SECONDS", 0.0)
    assert expected.filter(said(GroupCoordinatorNotAvailableError()))
