"""Which columns of a candidate hold what the topic files of now hide, nested values too."""

from pathlib import Path

import pytest

from app.backtest.clear import newly_clear
from app.contracts.model import Contract
from tests.contracts.topic_files import changed, load

KEY = "kafka: {key"
ABOUT = 'optional: true, about: "Who sent the parcel."'
INNER = f"{{street: {{type: string, pii: %s, {ABOUT}}}}}"
SENDER = f"  sender: {{type: object, {ABOUT}, fields: {INNER}}}\n{KEY}"


def parcel(folder: Path, *changes: tuple[str, str]) -> Contract:
    return load(folder, changed(*changes))["parcel_scanned"]


@pytest.mark.parametrize(
    ("then", "clear"),
    [
        ((KEY, SENDER % "hash"), set()),
        ((KEY, SENDER % "drop"), set()),
        ((KEY, SENDER % "keep"), {"sender"}),
        ((KEY, f"  road: {{type: string, path: sender.street, pii: keep, {ABOUT}}}\n{KEY}"),
         {"road"}),
        ((KEY, f"  all: {{type: json, path: sender, pii: keep, {ABOUT}}}\n{KEY}"), {"all"}),
        (("app: depot", "app: depot\nunknown: keep"), {"_extra"}),
        (("app: depot", "app: depot\nunknown: drop"), set()),
    ],
)  # fmt: skip
def test_a_nested_value_stays_hidden_by_whatever_name(
    then: tuple[str, str], clear: set[str], tmp_path: Path
) -> None:
    now = parcel(tmp_path / "now", (KEY, SENDER % "hash"))
    assert newly_clear(now, parcel(tmp_path / "then", then)) == clear


def test_what_was_shown_may_be_shown(tmp_path: Path) -> None:
    now = parcel(tmp_path / "now", (KEY, SENDER % "keep"))
    assert newly_clear(now, parcel(tmp_path / "then", (KEY, SENDER % "hash"))) == set()
