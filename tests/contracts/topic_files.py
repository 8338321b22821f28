"""A small good topic file, and how to change it."""

from collections.abc import Mapping
from pathlib import Path

from app.contracts.load import Contracts, load_contracts
from app.contracts.model import Contract

PARCEL = """\
event: parcel_scanned
version: 1
summary: A parcel passed a scanner on its way.
app: depot
owners: {team: logistics, chat: "#logistics"}
fields:
  scan_id:
    type: uuid
    about: Made by the scanner, and the same on every retry.
  scanned_at:
    type: timestamp
    about: When the parcel passed, by the scanner's clock.
  parcel_id:
    type: string
    max_length: 20
    pii: keep
    about: The number on the label.
  weight_grams:
    type: integer
    minimum: 1
    maximum: 100000
    optional: true
    about: What the scales said, where there are any.
kafka: {key: parcel_id, size: small, retention_days: 7}
dedupe: {by: [scan_id], keep: first, remember_days: 3}
day: {from: scanned_at, timezone: UTC, late_days: 3, early_minutes: 60}
transform:
  - {do: trim, field: parcel_id}
warehouse: {table: RAW.PARCEL_SCANNED, cluster_by: [parcel_id]}
load: {every: 15m}
examples:
  - name: on the belt
    given: {scan_id: 6f1c1c5e-3a57-4d0a-9a5e-0d7a3c1f9b10, scanned_at: "2026-03-01T23:59:58Z", parcel_id: " P1"}
    row: {day: "2026-03-01", parcel_id: P1}
  - name: lighter than air
    given: {scan_id: 6f1c1c5e-3a57-4d0a-9a5e-0d7a3c1f9b10, scanned_at: "2026-03-01T23:59:58Z", parcel_id: P1, weight_grams: 0}
    rejected: {reason: schema, field: weight_grams}
"""  # noqa: E501


def changed(*changes: tuple[str, str], text: str = PARCEL) -> str:
    """Replace each old text, which must be there exactly once, by the new one."""
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
        text = text.replace(old, new)
    return text


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Make a folder of topic files; a name may begin with the folder of its app."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


def load(folder: Path, text: str = PARCEL, name: str = "parcel_scanned.yaml") -> Contracts:
    """Load a folder of one file."""
    return load_contracts(write(folder, {name: text}))


def with_fields(folder: Path, fields: str, *changes: tuple[str, str]) -> Contract:
    """The parcel with more fields, as YAML lines without their indentation, and other changes."""
    indented = "".join(f"  {line}\n" for line in fields.strip().splitlines())
    more = ("kafka: {key", indented + "kafka: {key")
    return load(folder, changed(more, *changes))["parcel_scanned"]
