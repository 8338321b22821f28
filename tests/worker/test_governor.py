"""Which seal goes when memory is short."""

import pytest

from app.worker.governor import Governor
from app.worker.open_seal import OpenSeal
from sinks.memory import MemoryObjectStore
from tests.worker.kinds import kind

BUDGET_BYTES = 1_600


class Held(OpenSeal):
    """An open seal that holds so many bytes."""

    def __init__(self, held_bytes: int) -> None:
        super().__init__(kind("one"), MemoryObjectStore())
        self._bytes = held_bytes

    @property
    def held_bytes(self) -> int:
        return self._bytes


SMALL, LARGE, LARGER = Held(90), Held(700), Held(800)


@pytest.mark.parametrize(
    ("held", "can_close", "while_closing", "goes"),
    [
        ([SMALL, LARGE], [SMALL, LARGE], False, None),
        ([SMALL, LARGE, LARGER], [SMALL, LARGE, LARGER], False, LARGER),
        ([SMALL, LARGE, LARGER], [SMALL, LARGE], True, LARGE),
        ([SMALL, LARGE, LARGER], [SMALL], True, None),
        ([SMALL] * 10, [SMALL] * 10, False, SMALL),
        ([SMALL] * 10, [], True, None),
    ],
    ids=[
        "none while half of the budget is free",
        "the largest",
        "the largest of those that can close",
        "no small one while the large ones close: it would free nothing",
        "a small one if there are only small ones",
        "none if none can close",
    ],
)
def test_the_largest_seal_goes(
    held: list[OpenSeal], can_close: list[OpenSeal], while_closing: bool, goes: OpenSeal | None
) -> None:
    governor = Governor(BUDGET_BYTES)
    assert governor.largest_to_seal(held, can_close, while_closing=while_closing) is goes
