"""Random events of a contract are good ones, and the same ones for the same seed."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.contracts.compile import compile_contract
from app.contracts.examples import EXAMPLE_PII_KEY
from app.contracts.load import load_contracts
from app.contracts.model import Contract
from app.contracts.sample import as_sent, day_of, sample_events
from app.core.errors import Fatal
from app.core.judge import Accepted, judge

from . import everything
from .topic_files import changed, load, with_fields

EVERY_OPTION = """
mail: {type: string, format: email, path: [author, e.mail], pii: hash, about: Of a format.}
page: {type: string, format: url, pii: keep, about: Of a format.}
host: {type: string, format: ip, pii: keep, about: Of a format.}
country: {type: string, format: country, pii: keep, about: Of a format.}
currency: {type: string, format: currency, pii: keep, about: Of a format.}
language: {type: string, format: language, pii: keep, about: Of a format.}
long: {type: string, min_length: 40, pii: keep, about: It has many characters.}
tight: {type: string, min_length: 3, max_length: 3, pii: keep, about: It has three.}
seconds: {type: timestamp, epoch: seconds, about: As a number of seconds.}
millis: {type: timestamp, epoch: milliseconds, about: As a number of milliseconds.}
local: {type: timestamp, timezone: Europe/Berlin, about: By a clock in Berlin.}
price: {type: decimal, scale: 2, minimum: "0.05", maximum: "0.07", about: Hardly any.}
debt: {type: decimal, scale: 2, maximum: -5, about: It is below its only bound.}
nums: {type: list, min_items: 2, max_items: 3, items: {type: integer}, about: Two or three.}
who: {type: object, unknown: drop, about: Somebody or other., fields: {
  id: {type: uuid, about: Known by it.},
  nick: {type: string, pii: keep, optional: true, about: It may be absent.}}}
state: {type: string, default: new, one_of: [new, old], pii: keep, about: It has a default.}
login: {type: string, path: author.login, pii: keep, about: It is lifted.}
tag: {type: string, path: [tags, 1, name], optional: true, pii: keep, about: Out of a list.}
"""
SHIPPED = load_contracts(Path(__file__).parents[2] / "topics")
DAY = date(2026, 3, 29)  # of 23 hours in Berlin
NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def sampled(contract: Contract, seed: int = 1, count: int = 20) -> list[dict[str, Any]]:
    return list(sample_events(contract, count, seed, NOON, HOUR))


def judged(contract: Contract, events: list[dict[str, Any]]) -> Iterator[Accepted]:
    kind = compile_contract(contract, EXAMPLE_PII_KEY)
    for event in events:
        verdict = judge(kind, as_sent(event), NOON + HOUR)
        assert isinstance(verdict, Accepted), verdict
        yield verdict


@pytest.mark.parametrize("event", SHIPPED)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_every_event_of_a_shipped_file_is_accepted(event: str, seed: int) -> None:
    assert list(judged(SHIPPED[event], sampled(SHIPPED[event], seed, 3)))


@settings(deadline=None)
@given(seed=st.integers(0, 2**32))
def test_every_event_of_a_contract_with_every_type_is_accepted(seed: int) -> None:
    assert list(judged(everything.contract(), sampled(everything.contract(), seed, 3)))


def test_the_same_seed_gives_the_same_bytes_and_another_one_others() -> None:
    contract = everything.contract()
    one, again, other = (orjson.dumps(sampled(contract, seed)) for seed in (1, 1, 2))
    assert one == again
    assert one != other


def test_events_happen_on_the_day_asked_for_by_the_contract_s_calendar() -> None:
    start, span = day_of(SHIPPED["job_viewed"], DAY)
    assert span == timedelta(hours=23)
    kind = compile_contract(SHIPPED["job_viewed"], EXAMPLE_PII_KEY)
    events = list(sample_events(SHIPPED["job_viewed"], 200, 1, start, span))
    moments = [kind.occurred_at(kind.parse(as_sent(event))) for event in events]
    assert {kind.day(moment) for moment in moments} == {DAY}
    assert max(moments) - min(moments) > timedelta(hours=20)


def test_text_keeps_to_its_pattern_and_its_length(tmp_path: Path) -> None:
    fields = r"""
code: {type: string, pii: keep, pattern: '^[A-Z]{2}(-\d+)*$', max_length: 9, about: "Letters, figures."}
word: {type: string, pii: keep, pattern: '(foo|bar)\w', about: "Somewhere in it one of two."}
"""  # noqa: E501
    for event in sampled(with_fields(tmp_path, fields), count=200):
        assert re.fullmatch(r"[A-Z]{2}(-[0-9]+)*", event["code"])
        assert len(event["code"]) <= 9
        assert re.search(r"(foo|bar)\w", event["word"])


def test_numbers_keep_to_their_bounds(tmp_path: Path) -> None:
    fields = """
a: {type: integer, minimum: 17, maximum: 19, about: "Between two bounds."}
b: {type: integer, maximum: -5, about: "Below its only bound."}
c: {type: integer, minimum: 100000000000000000000, about: "Above its only bound."}
d: {type: number, minimum: 0.123, maximum: 0.124, about: "Hardly any room is left."}
e: {type: number, maximum: -0.5, about: "Below its only bound."}
f: {type: decimal, precision: 2, scale: 2, about: "Only digits after the point."}
"""
    contract = with_fields(tmp_path, fields)
    events = sampled(contract, count=100)
    assert len(list(judged(contract, events))) == 100
    assert {event["a"] for event in events} == {17, 18, 19}


def test_every_option_of_a_field_is_kept_to(tmp_path: Path) -> None:
    contract = with_fields(tmp_path, EVERY_OPTION)
    events = sampled(contract, count=100)
    assert len(list(judged(contract, events))) == 100
    assert {len(event["tight"]) for event in events} == {3}
    assert {event["price"] for event in events} == {"0.05", "0.06", "0.07"}
    assert {len(event["nums"]) for event in events} == {2, 3}
    assert {event.get("state") for event in events} == {None, "new", "old"}
    assert {"login", "e.mail"} <= events[0]["author"].keys()


def test_without_what_is_optional_events_are_as_short_as_they_can_be() -> None:
    events = sample_events(everything.contract(), 20, 1, NOON, HOUR, optional=False)
    assert not any(name.startswith("maybe") for event in events for name in event)


def test_what_is_optional_is_there_at_times() -> None:
    there = ["maybe_text" in event for event in sampled(everything.contract(), count=40)]
    assert set(there) == {True, False}


@pytest.mark.parametrize("pattern", [r"^ ?\p{Lu}[0-9]$", "^ ?(?-u:P)1$"])
def test_a_pattern_of_which_only_a_validator_knows_is_said(pattern: str, tmp_path: Path) -> None:
    text = changed(("    max_length: 20\n", f"    pattern: '{pattern}'\n"))
    with pytest.raises(Fatal, match="no text can be made for its pattern"):
        sampled(load(tmp_path, text)["parcel_scanned"])


def test_a_pattern_that_nothing_fits_is_said(tmp_path: Path) -> None:
    pattern = r"pattern: '^[a-z]{30}$'"
    text = changed(("    max_length: 20\n", f"    max_length: 20\n    {pattern}\n"))
    contract = load(tmp_path, text)["parcel_scanned"]
    with pytest.raises(Fatal, match=r"fields\.parcel_id: nothing was found that fits its"):
        sampled(contract)
