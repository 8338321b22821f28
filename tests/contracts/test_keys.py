"""The keys: which partition an event goes to, and which two events are the same one."""

import functools
import tempfile
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.contracts.compile import compile_contract
from app.core.judge import EventType

from .everything import events, kind, moments, sent, texts, wholes
from .topic_files import with_fields

MORE = settings(max_examples=300, deadline=None)
EVENT: dict[str, Any] = {
    "scan_id": "6f1c1c5e-3a57-4d0a-9a5e-0d7a3c1f9b10",
    "scanned_at": "2026-03-01T12:00:00Z",
    "parcel_id": "P1",
    "text": "a",
    "whole": 1,
    "real": 0.5,
    "money": "1.00",
    "truth": True,
    "on_day": "2026-03-01",
    "at": "2026-03-01T12:00:00Z",
    "tree": {"a": 1, "b": 2},
    "sizes": [1, 2],
}


def key(by: str, keep: str = "first", **changes: Any) -> bytes:
    chosen = kind(by, keep)
    return chosen.dedupe_key(chosen.transform(chosen.parse(sent(EVENT | changes))))


@functools.cache
def keyed(name: str) -> EventType:
    with tempfile.TemporaryDirectory() as folder:
        fields = "count: {type: integer, about: How many there are.}\n"
        fields += "on_day: {type: date, about: A day of the calendar.}\n"
        return compile_contract(
            with_fields(Path(folder), fields, ("{key: parcel_id", f"{{key: {name}"))
        )


def partition_key(name: str, value: Any) -> bytes:
    event = {k: EVENT[k] for k in ("scan_id", "scanned_at", "parcel_id", "on_day")} | {"count": 1}
    return keyed(name).partition_key(keyed(name).parse(sent(event | {name: value})))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("parcel_id", " Päckchen ", " Päckchen ".encode()),
        ("count", -12, b"-12"),
        ("count", 10**37, b"1" + b"0" * 37),
        (
            "scan_id",
            "6F1C1C5E-3A57-4D0A-9A5E-0D7A3C1F9B10",
            b"6f1c1c5e-3a57-4d0a-9a5e-0d7a3c1f9b10",
        ),
        ("on_day", "2026-03-01", b"2026-03-01"),
    ],
)
def test_the_partition_key_is_the_text_a_java_producer_would_write(
    name: str, value: Any, expected: bytes
) -> None:
    assert partition_key(name, value) == expected


def test_a_dedupe_key_is_sixteen_bytes() -> None:
    assert len(key("scan_id")) == 16


def test_a_dedupe_key_is_a_format_that_outlives_a_release() -> None:
    """Marks live for days in RocksDB: another key for the same event would count it twice."""
    text = b'["a",1,"1.000000000",true,"2026-03-01","2026-03-01T12:00:00.000000Z"]'
    assert key("text, whole, money, truth, on_day, at") == blake2b(text, digest_size=16).digest()


@MORE
@given(texts, texts, texts, texts)
def test_the_parts_of_a_key_do_not_run_together(a: str, b: str, c: str, d: str) -> None:
    same = key("text, parcel_id", text=a, parcel_id=b) == key(
        "text, parcel_id", text=c, parcel_id=d
    )
    assert same == ((a, b) == (c, d))


def test_a_key_tells_apart_what_only_moves_a_border() -> None:
    by = "text, parcel_id"
    assert key(by, text="a", parcel_id="bc") != key(by, text="ab", parcel_id="c")
    assert key(by, text='a","b', parcel_id="c") != key(by, text="a", parcel_id='b","c')


@MORE
@given(wholes)
def test_a_number_is_not_its_digits(number: int) -> None:
    assert key("whole", whole=number) != key("text", text=str(number))


@MORE
@given(wholes, wholes)
def test_numbers_of_any_size_have_keys_of_their_own(one: int, other: int) -> None:
    assert (key("whole", whole=one) == key("whole", whole=other)) == (one == other)


@MORE
@given(moments.map(datetime.fromisoformat), st.integers(-720, 840))
def test_a_moment_has_one_key_in_every_time_zone(moment: datetime, minutes: int) -> None:
    utc = moment.astimezone(UTC).replace(year=2024)
    local = utc.replace(tzinfo=None) + timedelta(minutes=minutes)
    sign, offset = "-" if minutes < 0 else "+", abs(minutes)
    text = f"{local.isoformat()}{sign}{offset // 60:02}:{offset % 60:02}"
    assert key("at", at=utc.isoformat()) == key("at", at=text)
    assert key("at", at=utc.isoformat()) != key(
        "at", at=(utc + timedelta(microseconds=1)).isoformat()
    )


def test_a_uuid_and_a_decimal_have_one_key_in_every_writing() -> None:
    assert key("scan_id") == key("scan_id", scan_id=EVENT["scan_id"].upper())
    assert key("money", money="1") == key("money", money="1.000") == key("money", money=1)
    assert key("money", money="-0") == key("money", money="0.0")


@MORE
@given(events, events)
def test_by_default_only_the_named_columns_count(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    chosen = kind("scan_id", "first")
    keys = [chosen.dedupe_key(chosen.transform(chosen.parse(sent(e)))) for e in (one, other)]
    assert (keys[0] == keys[1]) == (UUID(one["scan_id"]) == UUID(other["scan_id"]))


def test_where_the_last_copy_stands_only_identical_copies_are_duplicates() -> None:
    same = key("scan_id", "last")
    assert same == key("scan_id", "last", at="2026-03-01T13:00:00+01:00", money="1.0")
    assert same != key("scan_id", "last", text="b")
    assert same != key("scan_id", "last", maybe_text="")
    assert same != key("scan_id", "last", tree={"a": 1, "b": 3})
    assert same == key("scan_id", "last", tree={"b": 2, "a": 1})


def test_the_key_is_of_what_lands_so_that_the_load_agrees(tmp_path: Path) -> None:
    upper = ("{do: trim, field: parcel_id}", "{do: upper, field: parcel_id}")
    contract = with_fields(
        tmp_path,
        'code: {type: string, pii: keep, about: "A code of some kind."}',
        upper,
        ("by: [scan_id]", "by: [parcel_id]"),
    )
    chosen = compile_contract(contract)
    event = {k: EVENT[k] for k in ("scan_id", "scanned_at")} | {"code": "x"}
    keys = {
        chosen.dedupe_key(chosen.transform(chosen.parse(sent(event | {"parcel_id": text}))))
        for text in ("p1", "P1")
    }
    assert len(keys) == 1
