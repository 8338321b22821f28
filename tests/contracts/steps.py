"""A contract that does everything that can be done to an event."""

import functools
import tempfile
from pathlib import Path

from app.contracts.model import Contract

from .topic_files import with_fields

FIELDS = """\
note: {type: string, pii: keep, optional: true, about: "A word of the driver."}
word: {type: string, pii: keep, optional: true, one_of: [a, "b, c", ß, ""], about: "A word of it."}
phone: {type: string, pii: hash, optional: true, max_length: 16, about: "Number of the sender."}
secret: {type: string, pii: drop, optional: true, about: "What nobody may see."}
amount: {type: string, pii: keep, optional: true, one_of: ["1.5", "-0", "7"], about: "An amount."}
cents: {type: integer, minimum: -1000000, maximum: 1000000, optional: true, about: "Paid in cents."}
currency: {type: string, pii: keep, optional: true, one_of: [EUR, JPY, KWD], about: "The money."}
page: {type: string, format: url, pii: keep, optional: true, about: "Where it was ordered."}
browser: {type: string, pii: drop, optional: true, one_of: [curl/8.5.0, x], about: "Ordered by."}
ip: {type: string, format: ip, pii: drop, optional: true, about: "Ordered from there."}
left_on: {type: string, pii: keep, optional: true, one_of: [29.2.2024], about: "Day it went."}
"""
ABOUT = 'about: "What it is made of."'
STEPS = (
    "do: trim, field: note",
    "do: lower, field: word",
    "do: upper, field: word",
    "do: truncate, field: note, length: 7",
    f'do: split, field: word, separator: ", ", to: words, {ABOUT}',
    f"do: split, field: phone, separator: '0', to: phones, {ABOUT}",
    f'do: join, fields: [note, word], separator: "\\n", to: both, {ABOUT}',
    f"do: join, fields: [phone, scan_id], to: caller, {ABOUT}",
    f"do: constant, to: half, value: 0.5, {ABOUT}",
    "do: rename, field: parcel_id, to: label",
    f"do: coalesce, fields: [note, word, label], to: any_text, {ABOUT}",
    "do: map, field: amount, to: amount_class, values: {'7': 1}, default: ~",
    "do: map, field: secret, to: known, values: {a: true}, default: false",
    f"do: when, if: {{field: secret, missing: true}}, to: open, value: true, {ABOUT}",
    "do: date_part, field: scanned_at, part: hour, to: scanned_hour",
    'do: parse_timestamp, field: left_on, format: "%d.%m.%Y", timezone: Europe/Berlin, '
    f"to: left_at, {ABOUT}",
    f"do: parse_number, field: amount, as: decimal, scale: 9, to: amount_decimal, {ABOUT}",
    f"do: parse_number, field: amount, as: number, to: amount_number, {ABOUT}",
    f"do: minor_units, field: cents, currency: currency, to: paid, {ABOUT}",
    "do: url_parts, field: page, parts: [scheme, host, port, path, query, fragment]",
    "do: user_agent, field: browser, parts: [family, version, os, device], prefix: by_",
    "do: truncate_ip, field: ip, to: network",
    "do: hash, field: secret, to: secret_hash",
    "do: hash, field: cents, to: cents_hash",
)


@functools.cache
def every_step() -> Contract:
    """The parcel, with each step once or more."""
    lines = "".join(f"\n  - {{{step}}}" for step in STEPS)
    with tempfile.TemporaryDirectory() as folder:
        return with_fields(
            Path(folder),
            FIELDS,
            ("\n  - {do: trim, field: parcel_id}", lines),
            ("cluster_by: [parcel_id]", "cluster_by: [label]"),
            ('row: {day: "2026-03-01", parcel_id: P1}', 'row: {day: "2026-03-01", half: 0.5}'),
        )
