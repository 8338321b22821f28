"""When a table is loaded, as a topic file says it."""

from datetime import timedelta
from pathlib import Path

import pytest

from app.contracts.load import load_contracts
from app.core.errors import Fatal
from app.core.schedule import Cron, Every, Schedule
from tests.contracts.topic_files import PARCEL, changed, write

EVERY = "load: {every: 15m}"
MORNING = 'load: {cron: "0 6 * * *", timezone: Europe/Amsterdam}'


def schedule(folder: Path, text: str) -> Schedule:
    contracts = load_contracts(write(folder, {"parcel_scanned.yaml": text}))
    return contracts.schedules["parcel_scanned"]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (EVERY, Every(timedelta(minutes=15))),
        ("load: {}", Every(timedelta(minutes=15))),
        (MORNING, Cron("0 6 * * *", "Europe/Amsterdam")),
        ('load: {cron: "*/5 8-18 * * MON-FRI"}', Cron("*/5 8-18 * * MON-FRI")),
    ],
)
def test_a_table_is_loaded_as_the_file_says(said: str, meant: Schedule, tmp_path: Path) -> None:
    assert schedule(tmp_path, changed((EVERY, said))) == meant


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ('load: {every: 15m, cron: "0 6 * * *"}', "load: say either every or cron"),
        ("load: {every: 15m, timezone: UTC}", "load: timezone is for cron, and there is none"),
        ('load: {cron: "0 25 * * *"}', "load.cron: is no cron expression (bad hour)"),
        ("load: {cron: daily}", "load.cron: must have five fields: minute, hour, day, month, day "
         "of the week"),
        ('load: {cron: "0 6 * * *", timezone: Mars}',
         "load.timezone: no time zone «Mars»; use a name such as Europe/Berlin or UTC"),
        (f"{MORNING}\nfreshness: 24h",
         "freshness: 24h is not longer than load.cron 0 6 * * * allows: the table would be behind "
         "all the time; load more often, or promise less"),
    ],
)  # fmt: skip
def test_a_schedule_that_can_not_be_is_refused_at_its_place(
    said: str, problem: str, tmp_path: Path
) -> None:
    with pytest.raises(Fatal) as caught:
        schedule(tmp_path, changed((EVERY, said)))
    assert str(caught.value) == f"{tmp_path}/parcel_scanned.yaml: {problem}"


def test_a_schedule_that_keeps_the_objective_is_taken(tmp_path: Path) -> None:
    assert schedule(tmp_path, changed((EVERY, f"{MORNING}\nfreshness: 26h"))) is not None


@pytest.mark.parametrize(("shared", "own"), [(EVERY, MORNING), (MORNING, EVERY)])
def test_a_type_says_another_kind_of_schedule_than_its_app(
    shared: str, own: str, tmp_path: Path
) -> None:
    files = {
        "depot/_app.yaml": f"{shared}\n",
        "depot/parcel_scanned.yaml": changed((EVERY, own)),
        "depot/letter_scanned.yaml": changed(
            ("event: parcel_scanned", "event: letter_scanned"),
            ("RAW.PARCEL_SCANNED", "RAW.LETTER_SCANNED"),
            (f"{EVERY}\n", ""),
        ),
    }
    (tmp_path / "depot").mkdir()
    found = load_contracts(write(tmp_path, files)).schedules
    alone = {EVERY: Every(timedelta(minutes=15)), MORNING: Cron("0 6 * * *", "Europe/Amsterdam")}
    assert found == {"parcel_scanned": alone[own], "letter_scanned": alone[shared]}
    assert PARCEL.count(EVERY) == 1
