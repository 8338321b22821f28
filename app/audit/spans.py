"""Which rows are missing or too many, as few words as name each of them."""

from dataclasses import dataclass

from app.audit.report import MAX_SPANS
from sinks.protocol import Place


@dataclass(frozen=True, slots=True)
class Span:
    """Offsets `first` to `next - 1`; or, of one offset, the rows `row` to `last_row` of its event.

    As many of each are missing (below 0) or too many.
    """

    first: int
    next: int
    too_many: int
    row: int | None = None
    last_row: int | None = None

    def __str__(self) -> str:
        if self.row is not None:
            rows = (
                f"row {self.row}"
                if self.row == self.last_row
                else (f"each of rows {self.row}–{self.last_row}")
            )
            return f"{rows} of offset {self.first}"
        if self.next == self.first + 1:
            return f"offset {self.first}"
        return f"offsets {self.first}–{self.next - 1}"


class Spans:
    """Places next to each other of which as many are missing or too many, taken together.

    They are added in order; the first `MAX_SPANS` spans are kept.
    """

    def __init__(self, *, by_index: bool) -> None:
        self.found: list[Span] = []
        self._by_index = by_index

    def add(self, place: Place, too_many: int) -> None:
        if too_many == 0:
            return
        offset, index = place
        last = self.found[-1] if self.found else Span(-1, -1, 0)
        if last.too_many == too_many and self._goes_on(last, place):
            next_, last_row = offset + 1, index if self._by_index else None
            self.found[-1] = Span(last.first, next_, too_many, last.row, last_row)
        elif len(self.found) < MAX_SPANS:
            row = index if self._by_index else None
            self.found.append(Span(offset, offset + 1, too_many, row, row))

    def _goes_on(self, last: Span, place: Place) -> bool:
        if self._by_index:
            return (last.first, last.last_row) == (place[0], place[1] - 1)
        return last.next == place[0]
