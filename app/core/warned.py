"""What a good event should be sent without: it lands all the same, and its sender is told."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Warned:
    """`coerced`: values in another spelling; `deprecated`: values that are to be sent no more.

    `field` is a dotted path without indexes, so it comes from the contract and not from a sender;
    `times` is how many values of the event it was.
    """

    kind: Literal["coerced", "deprecated"]
    field: str
    message: str
    times: int = 1
