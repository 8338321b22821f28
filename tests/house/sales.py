"""The event types that tests of the whole way send: numbered sales, and baskets of them."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

CONTRACT = """\
event: {event}
version: 1
summary: A numbered sale; no two have the same number.
app: till
owners: {{team: tests, chat: "#tests"}}

fields:
  event_id: {{type: uuid, about: Made of the number.}}
  occurred_at: {{type: timestamp, about: One of the last days.}}
  shop: {{type: string, max_length: 64, pii: keep, about: Where it was.}}
  number: {{type: integer, minimum: 0, about: Which one it is.}}

kafka: {{key: shop, size: {size}, retention_days: 30}}
dedupe: {{by: [event_id], keep: first, remember_days: 30}}
day: {{from: occurred_at, timezone: UTC, late_days: 30, early_minutes: 60}}
warehouse: {{table: RAW.{table}}}
load: {{every: {every}}}

examples:
  - name: a sale
    given: {{event_id: 6f1c1c5e-3a57-4d0a-9a5e-0d7a3c1f9b10, occurred_at: "2026-03-01T23:59:58Z",
            shop: north, number: 1}}
    row: {{day: "2026-03-01"}}
  - name: no sale has a negative number
    given: {{event_id: 6f1c1c5e-3a57-4d0a-9a5e-0d7a3c1f9b10, occurred_at: "2026-03-01T23:59:58Z",
            shop: north, number: -1}}
    rejected: {{reason: schema, field: number}}
"""

NOW = datetime.now(UTC).replace(microsecond=0)
SHOPS = ("north", "east", "south", "west", "harbour", "station", "market", "airport")


class Sales:
    """One event type: `event`, `topic` and `table` name it everywhere.

    Its events are of the last `days` days, `in_a_row` of the same day, then of the one before.
    """

    contract = CONTRACT

    def __init__(
        self,
        event: str,
        *,
        size: str = "small",
        every: str = "1s",
        days: int = 3,
        in_a_row: int = 1,
    ) -> None:
        self.event, self.topic, self.table = event, f"events.{event}.v1", f"RAW.{event.upper()}"
        self._size, self._every = size, every
        self._days, self._in_a_row = days, in_a_row

    def write(self, folder: Path) -> None:
        """Put the topic file into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        text = self.contract.format(
            event=self.event, size=self._size, table=self.event.upper(), every=self._every
        )
        (folder / f"{self.event}.yaml").write_text(text)

    def made(self, number: int) -> dict[str, Any]:
        """Event `number`: the same whenever it is made."""
        return {
            "event_id": str(UUID(int=number)),
            "occurred_at": (
                NOW - timedelta(days=number // self._in_a_row % self._days)
            ).isoformat(),
            "shop": SHOPS[number % len(SHOPS)],
            "number": number,
        }

    def standing(self, numbers: Iterable[int]) -> set[int]:
        """The numbers that stand in the table when all of these events are loaded."""
        return set(numbers)

    def several(self, numbers: Iterable[int]) -> list[dict[str, Any]]:
        return [self.made(number) for number in numbers]


BASKET = """\
event: {event}
version: 1
summary: A basket of numbered articles, none of which is in another basket.
app: till
owners: {{team: tests, chat: "#tests"}}

fields:
  event_id: {{type: uuid, about: Made of the number.}}
  occurred_at: {{type: timestamp, about: One of the last days.}}
  shop: {{type: string, max_length: 64, pii: keep, about: Where it was.}}
  trial: {{type: boolean, about: Whether nobody has paid.}}
  articles:
    type: list
    about: What was in it.
    items:
      type: object
      fields: {{number: {{type: integer, minimum: 0, about: Which one it is.}}}}

kafka: {{key: shop, size: {size}, retention_days: 30}}
dedupe: {{by: [event_id], keep: first, remember_days: 30}}
day: {{from: occurred_at, timezone: UTC, late_days: 30, early_minutes: 60}}
transform:
  - {{do: drop_event, if: {{field: trial, is: true}}, why: nobody has paid for it}}
  - {{do: explode, field: articles, index: line}}
warehouse: {{table: RAW.{table}}}
load: {{every: {every}}}

examples:
  - name: a basket of two
    given: {{event_id: 6f1c1c5e-3a57-4d0a-9a5e-0d7a3c1f9b10, shop: north, trial: false,
            occurred_at: "2026-03-01T23:59:58Z", articles: [{{number: 7}}, {{number: 8}}]}}
    rows: [{{line: 0, number: 7}}, {{line: 1, number: 8}}]
  - name: no article has a negative number
    given: {{event_id: 6f1c1c5e-3a57-4d0a-9a5e-0d7a3c1f9b10, shop: north, trial: false,
            occurred_at: "2026-03-01T23:59:58Z", articles: [{{number: -1}}]}}
    rejected: {{reason: schema, field: articles.0.number}}
"""


class Baskets(Sales):
    """Baskets of none to three articles, each a row; every fifth is a trial, which is left out."""

    contract = BASKET

    def made(self, number: int) -> dict[str, Any]:
        sale = super().made(number)
        del sale["number"]
        articles = [{"number": number * 10 + line} for line in range(number % 4)]
        return sale | {"trial": number % 5 == 0, "articles": articles}

    def standing(self, numbers: Iterable[int]) -> set[int]:
        baskets = (basket for basket in map(self.made, numbers) if not basket["trial"])
        return {article["number"] for basket in baskets for article in basket["articles"]}
