"""Two folders of topic files that differ, and traffic to judge by them."""

from pathlib import Path
from typing import Any

import orjson

from app.backtest.trial import Backtest, Side
from app.contracts.load import load_contracts
from tests.contracts.topic_files import changed, write

KEY = b"a key for the tests"


def folders(folder: Path, *changes: tuple[str, str]) -> tuple[Path, Path]:
    """The folder of now, and the candidate with these changes."""
    now = write(folder / "now", {"parcel_scanned.yaml": changed()})
    then = write(folder / "then", {"parcel_scanned.yaml": changed(*changes)})
    return now, then


def backtest(folder: Path, *changes: tuple[str, str]) -> Backtest:
    """A comparison of the two."""
    now, then = (Side(load_contracts(one), KEY) for one in folders(folder, *changes))
    return Backtest(now, then)


def parcel(number: int, **more: Any) -> bytes:
    """A scan of a parcel, as an app sends it."""
    return orjson.dumps(
        {
            "scan_id": f"6f1c1c5e-3a57-4d0a-9a5e-{number:012d}",
            "scanned_at": "2026-03-01T12:00:00Z",
            "parcel_id": f"P{number}",
            **more,
        }
    )
