"""How hard the models try: the same few examples in each run of the suite, or very many.

`HYPOTHESIS_PROFILE=long` tries fifty times as many; `MODELS_SEED=n` other ones.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import HealthCheck, Phase, currently_in_test_context, given, note, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
FIRST_SEED = int(os.environ.get("MODELS_SEED", "0")) * 1_000_000
EXAMPLES_PER_ROUND = 10
"""After so many, Hypothesis makes most new examples by changing the last one a little. Here it is
better to begin anew: a history that differs in one copy comes to the same end."""


def try_property(test: Callable[..., None], examples: int, **of: st.SearchStrategy[Any]) -> None:
    """Try a function on values of these strategies, by the names of its parameters."""
    for number, some in _rounds(examples):

        def fresh(**values: Any) -> None:
            test(**values)

        _told(number, seed(number)(_settings(some, 1)(given(**of)(fresh))))


def try_machine(machine: type[RuleBasedStateMachine], examples: int, steps: int) -> None:
    """Try histories of so many steps."""
    for number, some in _rounds(examples):
        fresh = seed(number)(type(machine.__name__, (machine,), {}))
        _told(
            number,
            lambda m=fresh, s=some: run_state_machine_as_test(m, settings=_settings(s, steps)),
        )


def say(text: str) -> None:
    """Told with the steps of an example that failed."""
    if currently_in_test_context():
        note(text)


def _rounds(examples: int) -> Iterator[tuple[int, int]]:
    """Seeds, and how many examples each is good for."""
    left = examples * (50 if LONG else 1)
    number = FIRST_SEED
    while left > 0:
        yield number, min(left, EXAMPLES_PER_ROUND)
        number += 1
        left -= EXAMPLES_PER_ROUND


def _told(number: int, run: Callable[[], Any]) -> None:
    try:
        run()
    except BaseException as error:
        error.add_note(f"seed {number}")
        raise


def _settings(examples: int, steps: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        phases=(Phase.generate,) if os.environ.get("NOSHRINK") else (Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
