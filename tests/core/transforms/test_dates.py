"""Times are read as they are meant: by their offset, or in the zone that the file names."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.transforms import Columns, Landing

from .running import made

COLUMNS: Columns = {"text": Landing("string", True, "A time as text.")}
ISO = "text must be a time in ISO 8601, of the years 1600 to 9998"
BERLIN = {"timezone": "Europe/Berlin"}


def read(text: str, form: str = "iso", **zone: str) -> Any:
    options = {"do": "parse_timestamp", "field": "text", "to": "new", "format": form, **zone}
    found = made(COLUMNS, options | {"about": "A time that was read."}, text=text)
    return found["rejected"] if "rejected" in found else found["new"].isoformat()[:-6]


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-03-01T12:00:00Z", {}, "2026-03-01T12:00:00"),
        ("2026-03-01 12:00+01:30", {}, "2026-03-01T10:30:00"),
        ("2026-03-01T12:00:00", {}, ISO),
        ("2026-03-01T12:00:00", BERLIN, "2026-03-01T11:00:00"),
        ("2026-03-01T12:00:00Z", BERLIN, "2026-03-01T12:00:00"),
        ("2026-10-25T02:30:00", BERLIN, "2026-10-25T00:30:00"),  # of two, the earlier one
        ("2026-03-29T02:30:00", BERLIN, "2026-03-29T01:30:00"),  # a time that there was not
        ("2026-03-01T12:00:00.123456789Z", {}, "2026-03-01T12:00:00.123456"),
        ("2026-03-01", BERLIN, ISO),
        ("2026-02-30T00:00:00Z", {}, ISO),
        ("1599-12-31T23:59:59Z", {}, ISO),
        ("9999-01-01T00:00:00Z", {}, ISO),
        ("now", {}, ISO),
        ("", {}, ISO),
        ("2026-03-01T12:00:00Z" + " " * 100, {}, ISO),
    ],
)
def test_iso_is_read(text: str, zone: dict[str, str], expected: str) -> None:
    assert read(text, **zone) == expected


@pytest.mark.parametrize(
    ("text", "form", "zone", "expected"),
    [
        ("01/Mar/2026:12:00:00 +0100", "%d/%b/%Y:%H:%M:%S %z", {}, "2026-03-01T11:00:00"),
        ("03/01/26 01 PM", "%m/%d/%y %I %p", {"timezone": "UTC"}, "2026-03-01T13:00:00"),
        ("2024-366", "%Y-%j", {"timezone": "UTC"}, "2024-12-31T00:00:00"),
        ("100% 2026-03-01", "100%% %Y-%m-%d", {"timezone": "UTC"}, "2026-03-01T00:00:00"),
        (
            "2026-03-01",
            "%d.%m.%Y",
            {"timezone": "UTC"},
            "text must be a time as %d.%m.%Y, of the years 1600 to 9998",
        ),
        (
            "1.3.1066",
            "%d.%m.%Y",
            {"timezone": "UTC"},
            "text must be a time as %d.%m.%Y, of the years 1600 to 9998",
        ),
    ],
)
def test_a_format_of_ones_own_is_read(
    text: str, form: str, zone: dict[str, str], expected: str
) -> None:
    assert read(text, form, **zone) == expected


def test_no_text_is_read_but_for_its_end() -> None:
    form = "%Y-%m-%d" + "x" * 90
    assert read("2026-03-01" + "x" * 90, form, timezone="UTC") == "2026-03-01T00:00:00"
    for more in (91, 1_000):
        assert "must be a time as" in read("2026-03-01" + "x" * more, form, timezone="UTC")


@given(st.datetimes(datetime(1600, 1, 1), datetime(9998, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001
def test_what_is_written_is_read_back(moment: datetime) -> None:
    naive = moment.replace(tzinfo=None).isoformat()
    assert read(moment.isoformat()) == naive
    assert read(f"{moment:%Y-%m-%d %H:%M:%S.%f}", "%Y-%m-%d %H:%M:%S.%f", timezone="UTC") == naive
