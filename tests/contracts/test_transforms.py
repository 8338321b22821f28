"""What the steps of a topic file make of an event, all the way to its line."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from app.contracts.compile import compile_contract
from app.contracts.model import Contract
from app.core.errors import Reason, Rejected
from app.core.judge import Accepted, judge
from app.core.pii import PiiHash

from .everything import sent
from .topic_files import with_fields

FIELDS = """\
note: {type: string, pii: keep, optional: true, about: "A word of the driver."}
phone: {type: string, pii: hash, optional: true, about: "Number of the sender."}
depot: {type: string, max_length: 8, pii: keep, optional: true, about: "Where it was scanned."}
"""
EVENT = {
    "scan_id": "6f1c1c5e-3a57-4d0a-9a5e-0d7a3c1f9b10",
    "scanned_at": "2026-03-01T12:00:00Z",
    "parcel_id": "P1",
}
NOW = datetime.fromisoformat("2026-03-01T12:00:01Z")
KEY = b"a key of the tests"
ABOUT = "about: What it is made of"


def contract(folder: Path, *steps: str) -> Contract:
    lines = "".join(f"\n  - {{{step}}}" for step in steps)
    return with_fields(folder, FIELDS, ("\n  - {do: trim, field: parcel_id}", lines))


def verdict(folder: Path, *steps: str, **fields: Any) -> Accepted | Rejected:
    kind = compile_contract(contract(folder, *steps), KEY)
    return judge(kind, sent(EVENT | fields), NOW)


def line(folder: Path, *steps: str, **fields: Any) -> dict[str, Any]:
    found = contract(folder, *steps)
    kind = compile_contract(found, KEY)
    accepted = judge(kind, sent(EVENT | fields), NOW)
    assert isinstance(accepted, Accepted), accepted
    landed: dict[str, Any] = json.loads(kind.line(accepted.row, accepted.day))
    assert list(landed) == [c.name for c in found.table.columns if c.name[0] != "_"]
    return landed


@pytest.mark.parametrize(
    ("step", "sent", "landed"),
    [
        ("do: truncate, field: note, length: 3", {"note": "äöüß"}, {"note": "äöü"}),
        (
            f'do: split, field: note, separator: ",", to: words, {ABOUT}',
            {"note": 'a,"b",,ü'},
            {"words": ["a", '"b"', "", "ü"]},
        ),
        (
            f'do: split, field: note, separator: ",", to: words, {ABOUT}',
            {"note": ""},
            {"words": []},
        ),
        (
            f"do: split, field: phone, separator: /, to: phones, {ABOUT}",
            {"phone": "1/2"},
            {"phones": [PiiHash(KEY)("1"), PiiHash(KEY)("2")]},
        ),
        (
            f"do: join, fields: [depot, weight_grams], separator: /, to: both, {ABOUT}",
            {"depot": "HAM", "weight_grams": 12},
            {"both": "HAM/12", "depot": "HAM"},
        ),
        (
            f"do: join, fields: [depot, weight_grams], separator: /, to: both, {ABOUT}",
            {"depot": "HAM"},
            {"both": None},
        ),
        (
            f"do: coalesce, fields: [note, depot], to: word, {ABOUT}",
            {"depot": "HAM"},
            {"word": "HAM"},
        ),
        (
            "do: map, field: depot, values: {HAM: Hamburg, MUC: Munich}",
            {"depot": "MUC"},
            {"depot": "Munich"},
        ),
        (
            "do: map, field: depot, to: region, values: {HAM: 1}, default: ~",
            {"depot": "CGN"},
            {"region": None, "depot": "CGN"},
        ),
        (
            'do: map, field: weight_grams, to: class, values: {"1": light}, default: heavy',
            {"weight_grams": 2},
            {"class": "heavy"},
        ),
        (
            f"do: when, if: {{field: weight_grams, at_least: 1000}}, to: big, value: true, "
            f"otherwise: false, {ABOUT}",
            {"weight_grams": 1000},
            {"big": True},
        ),
        (
            'do: parse_timestamp, field: note, format: "%d.%m.%Y %H:%M", timezone: Europe/Berlin, '
            f"to: left_at, {ABOUT}",
            {"note": "1.3.2026 00:30"},
            {"left_at": "2026-02-28T23:30:00.000000Z"},
        ),
        (
            f"do: parse_number, field: note, as: decimal, precision: 9, scale: 2, to: n, {ABOUT}",
            {"note": "-1234567.5"},
            {"n": "-1234567.50"},
        ),
        (
            f"do: parse_number, field: note, as: integer, to: n, {ABOUT}",
            {"note": "9" * 38},
            {"n": 10**38 - 1},
        ),
        (
            f"do: minor_units, field: weight_grams, currency: depot, to: price, {ABOUT}",
            {"weight_grams": 1250, "depot": "KWD"},
            {"price": "1.2500"},
        ),
        (
            "do: url_parts, field: note, parts: [host, path, port], prefix: page_",
            {"note": "https://Example.com/a?b#c"},
            {"page_host": "example.com", "page_path": "/a", "page_port": None},
        ),
        (
            "do: user_agent, field: note, parts: [version, family]",
            {"note": "curl/8.5.0"},
            {"note_version": "8.5.0", "note_family": "curl"},
        ),
        (
            "do: truncate_ip, field: phone, to: network",
            {"phone": "203.0.113.77"},
            {"network": "203.0.113.0"},
        ),
        (
            "do: hash, field: note, to: note_hash",
            {"note": "a"},
            {"note_hash": PiiHash(KEY)("a"), "note": "a"},
        ),
        ("do: hash, field: note", {"note": "a"}, {"note": PiiHash(KEY)("a")}),
        ("do: truncate_ip, field: phone", {"phone": "2001:db8::1"}, {"phone": "2001:db8::"}),
        (
            f"do: when, if: {{field: scanned_at, at_most: 2026-03-01T12:59:59+01:00}}, "
            f"to: shift, value: early, {ABOUT}",
            {},
            {"shift": None},
        ),
    ],
)
def test_a_step_makes_of_an_event(
    step: str, sent: dict[str, Any], landed: dict[str, Any], tmp_path: Path
) -> None:
    found = line(tmp_path, step, **sent)
    assert {name: found[name] for name in landed} == landed


@pytest.mark.parametrize(
    ("step", "sent", "field", "message"),
    [
        (
            "do: map, field: depot, values: {HAM: Hamburg}",
            {"depot": "ham"},
            "depot",
            "depot is none of the values that its map lists",
        ),
        (
            f"do: parse_timestamp, field: note, format: iso, to: left_at, {ABOUT}",
            {"note": "2026-03-01T00:00:00"},
            "note",
            "note must be a time in ISO 8601, of the years 1600 to 9998",
        ),
        (
            f"do: parse_number, field: note, as: integer, to: n, {ABOUT}",
            {"note": "1.5"},
            "note",
            "note must be a whole number of up to 38 digits",
        ),
        (
            f"do: minor_units, field: weight_grams, currency: depot, to: price, {ABOUT}",
            {"weight_grams": 1250, "depot": "HAM"},
            "depot",
            "depot must be a code of ISO 4217 such as EUR or JPY",
        ),
        (
            "do: url_parts, field: note, parts: [host]",
            {"note": "https://[/"},
            "note",
            "note must be a URL, such as https://example.com/a?b=c",
        ),
        (
            "do: truncate_ip, field: phone",
            {"phone": "0170 123"},
            "phone",
            "phone must be an IPv4 or IPv6 address",
        ),
    ],
)
def test_what_a_step_can_do_nothing_with_is_rejected(
    step: str, sent: dict[str, Any], field: str, message: str, tmp_path: Path
) -> None:
    assert verdict(tmp_path, step, **sent) == Rejected(Reason.TRANSFORM, message, field)


def test_the_sender_is_told_of_what_was_sent_not_of_a_column(tmp_path: Path) -> None:
    depot = ("  depot: {type: string", "  depot: {type: string, path: scan.depot.0")
    steps = (
        "do: rename, field: depot, to: place",
        f"do: parse_number, field: place, as: integer, to: n, {ABOUT}",
    )
    lines = "".join(f"\n  - {{{step}}}" for step in steps)
    trim = ("\n  - {do: trim, field: parcel_id}", lines)
    kind = compile_contract(with_fields(tmp_path, FIELDS, depot, trim), KEY)
    assert judge(kind, sent(EVENT | {"scan": {"depot": ["x"]}}), NOW) == Rejected(
        Reason.TRANSFORM,
        "scan.depot.0 must be a whole number of up to 38 digits",
        "scan.depot.0",
    )


def test_steps_run_in_order_on_what_the_ones_before_made(tmp_path: Path) -> None:
    steps = (
        "do: rename, field: depot, to: place",
        "do: upper, field: place",
        "do: map, field: place, values: {HAM: Hamburg}",
        f"do: join, fields: [place, parcel_id], separator: ' ', to: label, {ABOUT}",
    )
    assert line(tmp_path, *steps, depot="ham")["label"] == "Hamburg P1"


def test_what_is_made_of_a_hashed_field_lands_hashed(tmp_path: Path) -> None:
    step = f"do: join, fields: [phone, parcel_id], to: both, {ABOUT}"
    both = line(tmp_path, step, phone="0170 123")["both"]
    assert len(both) == 73
    assert "0170" not in both
