"""When a worker gives its assignment up."""

import pytest

from app.core.errors import Transient
from app.worker.patience import Patience


def test_a_worker_that_is_settled_is_never_given_up() -> None:
    patience = Patience(90, now=0)
    for now in range(0, 1000, 50):
        patience.look(now, settled=True, applied=0)


def test_an_assignment_that_never_ends_is_given_up_once_nothing_moved_for_so_long() -> None:
    patience = Patience(90, now=0)
    patience.look(90, settled=False, applied=0)
    with pytest.raises(Transient, match="within 90 s; starting again"):
        patience.look(91, settled=False, applied=0)


def test_a_long_recovery_is_left_alone_while_its_tables_are_filled_and_no_longer() -> None:
    patience = Patience(90, now=0)
    for minute in range(1, 20):
        patience.look(60 * minute, settled=False, applied=minute)
    patience.look(60 * 19 + 90, settled=False, applied=19)
    with pytest.raises(Transient):
        patience.look(60 * 19 + 91, settled=False, applied=19)
