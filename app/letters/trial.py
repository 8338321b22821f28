"""What would become of dead letters if they were sent again, mended or not."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from app.contracts.model import Contract
from app.core.errors import Rejected
from app.core.judge import EventType, Filtered
from app.letters.fix.mend import Fix
from app.letters.letter import Letter, decoded
from app.letters.masked import known_names, told_place
from app.letters.stored import place_of
from app.worker.records import weigh

MAX_PLACES = 1_000
OTHERS = "(others)"
DAY_SUMMARISED = "day_summarised"
"""In the place of a reason: it would be sealed, and never land."""


@dataclass
class Record:
    """As much of a Kafka record as the judge sees."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


@dataclass
class Outcomes:
    """Counts of events: `passing` would be taken, `filtered` of them left out by their topic file,
    `mended` were changed by the fix; the others are still rejected, by reason and field. Of `done`
    something was done before, so they were not judged."""

    passing: int = 0
    filtered: int = 0
    mended: int = 0
    rejected: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    done: int = 0

    @property
    def judged(self) -> int:
        return self.passing + self.rejected.total()

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "judged": self.judged,
            "passing": self.passing,
            "filtered": self.filtered,
            "mended": self.mended,
            "already_done": self.done,
            "rejected": [
                {"reason": reason, "field": field, "events": count}
                for (reason, field), count in self.rejected.most_common()
            ],
        }


class Trial:
    """Judges letters of one event type by its contract of now, at the time they were received."""

    def __init__(
        self,
        kind: EventType,
        contract: Contract,
        fix: Fix | None,
        summarised: Collection[date] = (),
    ) -> None:
        """No row can land on days that are `summarised`."""
        self._kind, self._fix, self._summarised = kind, fix, summarised
        self._known = known_names(contract)
        self.outcomes = Outcomes()

    def judge(self, letter: Letter) -> bytes | None:
        """The event as it is to be sent, and counted; None: it would only die again."""
        raw = letter.raw
        if self._fix is not None:
            raw = self._fix.mend(raw)
            self.outcomes.mended += raw != letter.raw
        headers = [(name, decoded(value)) for name, value in letter.headers]
        value = raw if letter.value is not None else None
        record = Record(letter.offset, 0, None, value, headers)
        verdict = weigh(self._kind, record, letter.received_at)
        if isinstance(verdict, Rejected):
            self._count(verdict)
            return None
        if not isinstance(verdict, Filtered) and verdict.day in self._summarised:
            self.outcomes.rejected[DAY_SUMMARISED, None] += 1
            return None
        self.outcomes.passing += 1
        self.outcomes.filtered += isinstance(verdict, Filtered)
        return raw

    def _count(self, verdict: Rejected) -> None:
        rejected = self.outcomes.rejected
        place = told_place(place_of(verdict.field), self._known)
        key = (verdict.reason.value, place)
        if key not in rejected and len(rejected) >= MAX_PLACES:
            key = (verdict.reason.value, OTHERS)
        rejected[key] += 1
