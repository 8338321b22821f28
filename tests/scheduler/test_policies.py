"""What is tried again, and what is not: one table for all classes of errors."""

import asyncio
import inspect

import pytest

from app.core import errors
from app.core.errors import Fatal, Fenced, ForebayError, Transient
from app.retry import POLICIES, may_pass, policy_of, until_reached
from app.scheduler.lock import LeaseLost
from app.scheduler.rests import Rests
from sinks.protocol import ObjectLost


def test_each_class_of_errors_has_its_policy() -> None:
    classes = {
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, ForebayError) and kind is not ForebayError
    }
    assert set(POLICIES) == classes


def test_only_what_the_world_may_mend_is_tried_again() -> None:
    assert [kind.__name__ for kind, policy in POLICIES.items() if policy.again] == ["Transient"]
    assert not may_pass(ObjectLost("gone"))  # by its nearest class, Fatal
    assert policy_of(Fenced("x")) is POLICIES[Fenced]
    assert not may_pass(LeaseLost("x"))
    assert not may_pass(ZeroDivisionError())
    assert not may_pass(asyncio.CancelledError())


def test_pauses_are_random_and_grow_up_to_a_most() -> None:
    from tenacity import RetryCallState, Retrying

    def pauses(attempt: int) -> list[float]:
        state = RetryCallState(Retrying(), None, (), {})
        state.attempt_number = attempt
        return [POLICIES[Transient].wait(state) for _ in range(200)]

    for attempt, most in ((1, 1.0), (3, 4.0), (50, 30.0)):
        found = pauses(attempt)
        assert max(found) <= most
        assert max(found) > most / 2  # of 200, one is
        assert len(set(found)) > 100


async def test_waiting_for_a_server_ends_with_what_does_not_pass() -> None:
    fails: list[Exception] = [Transient("away"), Fatal("refused")]

    async def attempt() -> None:
        raise fails.pop(0)

    with pytest.raises(Fatal, match="refused"):
        await until_reached("it", attempt)
    assert fails == []


def test_what_fails_rests_longer_each_time_up_to_a_most_and_not_after_it_went_well() -> None:
    now = 0.0
    rests = Rests(60, lambda: now)
    assert [rests.failed("a", 400) for _ in range(5)] == [60, 120, 240, 400, 400]
    assert rests.rests("a")
    assert not rests.rests("b")
    now = 401
    assert not rests.rests("a")
    rests.went_well("a")
    assert rests.failed("a", 400) == 60
    assert rests.failed("b", 0) == 60
