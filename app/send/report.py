"""What became of what was sent."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

SHOWN = 5


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """One rejected event: its line in the input (from 1), and what the gateway said of it."""

    line: int
    field: str | None
    message: str


@dataclass
class Rejections:
    """All rejections of one reason, and the first few of them by line."""

    count: int = 0
    first: list[RejectedLine] = field(default_factory=list)

    def add(self, rejected: RejectedLine) -> None:
        self.count += 1
        self.first = sorted([*self.first, rejected], key=lambda r: r.line)[:SHOWN]


@dataclass
class SendReport:
    """Counts of events; the same object is handed to `progress` while it grows.

    `sent` were handed over at least once and `retried` counts every further time. Each of them is
    `accepted` or rejected, unless `gave_up` says why the rest was left: then everything before
    `resume_line` is settled, and sending the file again from there (or all of it) is harmless.
    `kept`: rejected events that Forebay keeps as dead letters. `warnings` are what the gateway
    told of accepted ones, and of how many. `bytes` counts event text.
    """

    type: str
    sent: int = 0
    accepted: int = 0
    rejected: dict[str, Rejections] = field(default_factory=dict)
    kept: int = 0
    warnings: dict[str, int] = field(default_factory=dict)
    retried: int = 0
    bytes: int = 0
    seconds: float = 0.0
    gave_up: str | None = None
    resume_line: int | None = None

    @property
    def rejections(self) -> int:
        return sum(of_reason.count for of_reason in self.rejected.values())

    @property
    def settled(self) -> int:
        """Events with a final answer."""
        return self.accepted + self.rejections

    @property
    def exit_code(self) -> int:
        """0: all accepted; 1: some were rejected; 3: gave up."""
        if self.gave_up is not None:
            return 3
        return 1 if self.rejected else 0

    def reject(self, reason: str, line: RejectedLine, *, kept: bool = False) -> None:
        self.rejected.setdefault(reason, Rejections()).add(line)
        self.kept += kept

    def accept(self, warnings: Iterable[Mapping[str, Any]]) -> None:
        self.accepted += 1
        for warning in warnings:
            message = str(warning.get("message"))
            self.warnings[message] = self.warnings.get(message, 0) + 1

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"rejections": self.rejections}
