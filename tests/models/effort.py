"""How hard the models try: the same small number of examples in each run of the suite, or many."""

import os

from hypothesis import HealthCheck, Phase, currently_in_test_context, note, settings

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
"""`HYPOTHESIS_PROFILE=long` tries other examples in each run, and fifty times as many."""


def effort(examples: int, steps: int = 50) -> settings:
    """Settings for so many examples (of so many steps, for a state machine)."""
    return settings(
        max_examples=examples * (50 if LONG else 1),
        stateful_step_count=steps,
        derandomize=not LONG,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        phases=(Phase.generate,) if os.environ.get("NOSHRINK") else (Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )


def say(text: str) -> None:
    """Told with the steps of an example that failed."""
    if currently_in_test_context():
        note(text)
