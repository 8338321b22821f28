"""The events of the benches: about 300 bytes, of as many types as wanted, a tenth sent twice."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

CONTRACT = """\
event: {event}
version: 1
summary: Something that a bench sends, like a page that was seen.
app: bench
owners: {{team: bench, chat: "#bench"}}
fields:
  event_id: {{type: uuid, about: Made of the number.}}
  occurred_at: {{type: timestamp, about: A moment of the last days.}}
  user_id: {{type: string, max_length: 64, pii: keep, about: Who it was.}}
  session_id: {{type: string, max_length: 64, pii: keep, about: In which visit.}}
  page: {{type: string, max_length: 200, pii: keep, about: What was seen.}}
  country: {{type: string, one_of: [CH, DE, FR, NL, SE], pii: keep, about: Where it was.}}
  amount_cents: {{type: integer, minimum: 0, about: What it was worth.}}
  score: {{type: number, about: A guess from 0 to 1.}}
  first: {{type: boolean, about: Whether it was the first one.}}
kafka: {{key: user_id, size: {size}, retention_days: 30}}
dedupe: {{by: [event_id], keep: first, remember_days: 30}}
day: {{from: occurred_at, timezone: UTC, late_days: 30, early_minutes: 60}}
warehouse: {{table: RAW.{table}}}
load: {{every: 1h}}
examples:
  - name: a page
    given: {{event_id: 6f1c1c5e-3a57-4d0a-9a5e-0d7a3c1f9b10,
            occurred_at: "2026-03-01T23:59:58Z", user_id: u1, session_id: s1, page: /,
            country: CH, amount_cents: 1, score: 0.5, first: true}}
    row: {{day: "2026-03-01"}}
  - name: nothing is worth less than nothing
    given: {{event_id: 6f1c1c5e-3a57-4d0a-9a5e-0d7a3c1f9b11,
            occurred_at: "2026-03-01T23:59:58Z", user_id: u1, session_id: s1, page: /,
            country: CH, amount_cents: -1, score: 0.5, first: true}}
    rejected: {{reason: schema, field: amount_cents}}
"""
COUNTRIES = ("CH", "DE", "FR", "NL", "SE")
USERS = 50_000
NOW = datetime.now(UTC).replace(microsecond=0)
_SPREAD = 0x9E3779B97F4A7C15F39CC0605CEDC835
_RAW = (
    b'{"event_id":"%b","occurred_at":"%b","user_id":"user-%08d","session_id":"session-%012d",'
    b'"page":"/catalogue/section-%d/item-%d","country":"%b","amount_cents":%d,"score":0.%03d,'
    b'"first":%b}'
)


def names(types: int, tag: str = "bench") -> list[str]:
    """The events' names; a new `tag` gives new topics."""
    return [f"{tag}_{number:03}" for number in range(types)]


def write_topics(folder: Path, events: list[str], size: str = "small") -> Path:
    """Write a topic file for each event."""
    folder.mkdir(parents=True, exist_ok=True)
    for event in events:
        text = CONTRACT.format(event=event, table=event.upper(), size=size)
        (folder / f"{event}.yaml").write_text(text)
    return folder


def raw(number: int, days: int = 1) -> bytes:
    """Event `number`, the same whenever it is made; of one of the last `days` days.

    Written out by hand, in 2 µs: with `UUID`, `datetime` and `orjson` each took 29, which for ten
    million events is five minutes.
    """
    digits = f"{number * _SPREAD % 2**128:032x}"
    return _RAW % (
        f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}".encode(),
        _moment(number % days, number % 3_600),
        number % USERS,
        number // 7,
        number % 40,
        number % 9_973,
        COUNTRIES[number % 5].encode(),
        number % 100_000,
        number % 1_000,
        b"false" if number % 7 else b"true",
    )


@cache
def _moment(days: int, seconds: int) -> bytes:
    return (NOW - timedelta(days=days, seconds=seconds)).isoformat().encode()


def resent(count: int) -> Iterator[int]:
    """`count` numbers, every tenth of which was there before."""
    fresh = 0
    for index in range(count):
        if index % 10 == 9:
            yield max(0, fresh - 500)
        else:
            yield fresh
            fresh += 1
