"""Topic files in folders: what the types of an app share is said once, and so is what is wrong."""

from datetime import timedelta
from pathlib import Path

import pytest

from app.contracts.load import load_contracts
from app.core.errors import Fatal

from .topic_files import PARCEL, changed, write

APP = """\
owners: {team: logistics, chat: "#logistics"}
kafka: {key: parcel_id, size: medium, retention_days: 7}
dedupe: {by: [scan_id], keep: first, remember_days: 3}
day: {from: scanned_at, timezone: UTC, late_days: 3, early_minutes: 60}
warehouse: {schema: DEPOT, cluster_by: [parcel_id], retention_days: 400}
load: {every: 30m}
"""
SHORT = changed(
    ("app: depot\n", ""),
    ('owners: {team: logistics, chat: "#logistics"}\n', ""),
    ("kafka: {key: parcel_id, size: small, retention_days: 7}\n", ""),
    ("dedupe: {by: [scan_id], keep: first, remember_days: 3}\n", ""),
    ("day: {from: scanned_at, timezone: UTC, late_days: 3, early_minutes: 60}\n", ""),
    ("warehouse: {table: RAW.PARCEL_SCANNED, cluster_by: [parcel_id]}\n", ""),
    ("load: {every: 15m}\n", ""),
)
KINDS = ("parcel_scanned", "letter_scanned", "bag_scanned")


def short(event: str, *changes: tuple[str, str]) -> str:
    """A type that leaves to its app whatever it can."""
    return changed(("event: parcel_scanned", f"event: {event}"), *changes, text=SHORT)


def depot(folder: Path, app: str = APP, **more: str) -> Path:
    """Three types of one app; `more` replaces files."""
    files = {kind: short(kind) for kind in KINDS} | more
    return write(folder, {f"depot/{n}.yaml": text for n, text in {"_app": app, **files}.items()})


def problems(folder: Path) -> list[str]:
    with pytest.raises(Fatal) as caught:
        load_contracts(folder)
    return [line.removeprefix(f"{folder}/depot/") for line in str(caught.value).splitlines()]


def test_a_mounted_config_map_is_read_once_through_its_links(tmp_path: Path) -> None:
    mounted = tmp_path / "mounted"  # as a kubelet lays it out, to change all files in one step
    depot(mounted).rename(tmp_path / "written")
    (mounted / "..2026_03_01").mkdir(parents=True)
    (tmp_path / "written/depot").rename(mounted / "..2026_03_01/depot")
    (mounted / "..data").symlink_to("..2026_03_01")
    (mounted / "depot").symlink_to("..data/depot")
    assert sorted(load_contracts(mounted)) == sorted(KINDS)


def test_a_type_has_what_its_app_says(tmp_path: Path) -> None:
    contracts = load_contracts(depot(tmp_path))
    assert sorted(contracts) == sorted(KINDS)
    letter = contracts["letter_scanned"]
    assert (letter.app, letter.owners.team, letter.partitions) == ("depot", "logistics", 6)
    assert letter.dedupe.by == ("scan_id",)
    assert (letter.day.source, letter.load.every) == ("scanned_at", "30m")
    assert (letter.table.name, letter.table.cluster_by) == ("DEPOT.LETTER_SCANNED", ("parcel_id",))
    assert letter.warehouse.retention_days == 400


def test_a_type_says_otherwise_key_by_key_and_list_by_list(tmp_path: Path) -> None:
    own = (
        "kafka: {size: large}\ndedupe: {by: [scan_id, scanned_at]}\n"
        "warehouse: {table: RAW.BAGS, cluster_by: [weight_grams]}\nexamples:"
    )
    text = short("bag_scanned", ("examples:", own))
    contracts = load_contracts(depot(tmp_path, bag_scanned=text))
    bag, letter = contracts["bag_scanned"], contracts["letter_scanned"]
    assert (bag.kafka.size, bag.kafka.key) == ("large", "parcel_id")
    assert (bag.dedupe.by, bag.dedupe.remember_days) == (("scan_id", "scanned_at"), 3)
    assert (bag.table.name, bag.table.cluster_by) == ("RAW.BAGS", ("weight_grams",))
    assert bag.warehouse.retention_days == 400
    assert (letter.kafka.size, letter.dedupe.by) == ("medium", ("scan_id",))


def test_an_objective_is_the_apps_unless_a_type_has_its_own(tmp_path: Path) -> None:
    own = short("bag_scanned", ("examples:", "freshness: 2h\nexamples:"))
    contracts = load_contracts(depot(tmp_path, APP + "freshness: 45m\n", bag_scanned=own))
    objectives = {event: contract.objective for event, contract in contracts.items()}
    assert objectives.pop("bag_scanned") == timedelta(hours=2)
    assert set(objectives.values()) == {timedelta(minutes=45)}


def test_what_a_file_says_counts_wherever_it_says_it(tmp_path: Path) -> None:
    whole = changed(
        ("size: small", "size: medium"), ("every: 15m", "every: 30m"),
        ("table: RAW.PARCEL_SCANNED, cluster_by: [parcel_id]",
         "table: DEPOT.PARCEL_SCANNED, cluster_by: [parcel_id], retention_days: 400"),
    )  # fmt: skip
    flat = load_contracts(write(tmp_path / "flat", {"parcel_scanned.yaml": whole}))
    files = {"depot/_app.yaml": APP, "depot/parcel_scanned.yaml": SHORT}
    assert load_contracts(write(tmp_path / "apps", files)).config_sha == flat.config_sha


def test_a_folder_needs_no_defaults_and_flat_files_may_lie_beside_it(tmp_path: Path) -> None:
    letter = changed(("parcel_scanned", "letter_scanned"), ("RAW.PARCEL", "RAW.LETTER"))
    files = {"depot/parcel_scanned.yaml": PARCEL, "letter_scanned.yaml": letter}
    assert load_contracts(write(tmp_path, files))["parcel_scanned"].app == "depot"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("size: medium", "size: tiny", "kafka.size: must be 'small', 'medium' or 'large'"),
        ("size: medium", "sise: tiny", "kafka.sise: unknown key; did you mean «size»?"),
        ("team: logistics", "team: TODO",
         "owners.team: a decision is open: write what it shall be instead of TODO"),
        ("by: [scan_id]", "by: scan_id", "dedupe.by: must be a list, such as [a, b]"),
        ("timezone: UTC", "timezone: Mars",
         "day.timezone: no time zone «Mars»; use a name such as Europe/Berlin or UTC"),
        ("schema: DEPOT", "schema: depot", "warehouse.schema: must be upper case, such as RAW"),
        ("schema: DEPOT", "schema: DEPOT, table: DEPOT.X",
         "warehouse.table: can not be shared; say it in each topic file"),
        ("load:", "version: 1\nload:", "version: can not be shared; say it in each topic file"),
        ("load:", "app: warehouse\nload:",
         "app: is «warehouse», its folder is depot; make them equal"),
        ("load:", "load: {every: 1h}\nload:", "line 7: «load» is there twice; remove one"),
        ("every: 30m", "every: soon", "load.every: must be a duration such as 30s, 15m or 1h"),
        ("day: {from", "day: {since: x, from", "day.since: unknown key; did you mean «size»?"),
        # right in form, and wrong for all types alike
        ("retention_days: 7", "retention_days: 2",
         "kafka.retention_days: 2 is less than dedupe.remember_days 3: "
         "what was seen could not be read again; make them equal at least"),
        ("by: [scan_id]", "by: [scan]",
         "dedupe.by.0: «scan» is no column; there is scan_id, scanned_at, parcel_id, weight_grams"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_defaults_is_said_once_and_there(
    old: str, new: str, problem: str, tmp_path: Path
) -> None:
    assert problems(depot(tmp_path, changed((old, new), text=APP))) == [f"_app.yaml: {problem}"]


def test_what_fits_all_types_but_one_is_said_at_that_one(tmp_path: Path) -> None:
    bag = short("bag_scanned", ("  parcel_id:", "  bag_id:"), ("field: parcel_id", "field: bag_id"))
    bag = bag.replace("parcel_id: P1", "bag_id: P1").replace('parcel_id: " P1"', 'bag_id: " P1"')
    there = "scan_id, scanned_at, bag_id, weight_grams"
    assert problems(depot(tmp_path, bag_scanned=bag)) == [
        f"bag_scanned.yaml: kafka.key: «parcel_id» is not in fields; there is {there} "
        "(it is from _app.yaml)",
        f"bag_scanned.yaml: warehouse.cluster_by.0: «parcel_id» is no column; there is day, {there}"
        " (it is from _app.yaml)",
    ]


def test_defaults_that_can_not_be_read_are_no_reason_to_miss_keys_in_each_type(
    tmp_path: Path,
) -> None:
    bag = short("bag_scanned", ("version: 1", "version: 0"))
    assert problems(depot(tmp_path, "owners: [", bag_scanned=bag)) == [
        "_app.yaml: line 2: not YAML: did not find expected node content",
        "bag_scanned.yaml: version: must be 1 or more",
    ]
    assert problems(depot(tmp_path, "- owners")) == ["_app.yaml: must be a mapping (key: value)"]


def test_what_neither_file_says_is_missed_in_each_type(tmp_path: Path) -> None:
    app = changed(('owners: {team: logistics, chat: "#logistics"}\n', ""), text=APP)
    missing = [f"{kind}.yaml: owners: is missing; add it" for kind in sorted(KINDS)]
    assert problems(depot(tmp_path, app)) == missing


def test_a_type_is_of_the_app_whose_folder_it_is_in(tmp_path: Path) -> None:
    bag = short("bag_scanned", ("version: 1", "version: 1\napp: airport"))
    [problem] = problems(depot(tmp_path, bag_scanned=bag))
    assert problem == "bag_scanned.yaml: app: is «airport», its folder is depot; make them equal"


def test_an_event_and_a_table_are_in_one_file_of_all_folders(tmp_path: Path) -> None:
    files = {f"{app}/parcel_scanned.yaml": PARCEL.replace("depot", app) for app in ("a", "b")}
    files["c/parcel_seen.yaml"] = changed(("event: parcel_scanned", "event: parcel_seen"))
    files["c/parcel_seen.yaml"] = files["c/parcel_seen.yaml"].replace("app: depot", "app: c")
    with pytest.raises(Fatal) as caught:
        load_contracts(write(tmp_path, files))
    table = "warehouse.table: RAW.PARCEL_SCANNED belongs to a/parcel_scanned.yaml already; "
    assert str(caught.value).splitlines() == [
        f"{tmp_path}/b/parcel_scanned.yaml: event: «parcel_scanned» is in a/parcel_scanned.yaml "
        "already; keep one",
        f"{tmp_path}/b/parcel_scanned.yaml: {table}choose another",
        f"{tmp_path}/c/parcel_seen.yaml: {table}choose another",
    ]


def test_no_file_is_overlooked_where_it_does_not_belong(tmp_path: Path) -> None:
    folder = write(tmp_path, {"_app.yaml": APP, "parcel_scanned.yaml": PARCEL})
    (folder / "depot" / "old").mkdir(parents=True)
    (folder / "depot" / "old" / "parcel_scanned.yaml").write_text(PARCEL)
    (folder / "depot" / "_common.yaml").write_text(APP)
    (folder / ".trash").mkdir()
    (folder / ".trash" / "x.yaml").write_text("[")
    with pytest.raises(Fatal) as caught:
        load_contracts(folder)
    assert str(caught.value).splitlines() == [
        f"{folder}/_app.yaml: move it into a folder named after its app",
        f"{folder}/depot/_common.yaml: only _app.yaml may begin with an underscore; "
        "name it after its event",
        f"{folder}/depot/old/parcel_scanned.yaml: is too deep; a topic file is <event>.yaml "
        "or <app>/<event>.yaml",
    ]


def test_an_open_decision_is_said_wherever_it_is_and_nothing_else_of_it(tmp_path: Path) -> None:
    bag = short(
        "bag_scanned",
        ("pii: keep", "pii: TODO"),
        ("version: 1", "version: TODO"),
        ("max_length: 20", "max_length: 0"),
        ("field: parcel_id", "field: TODO"),
        ("name: lighter", 'name: "TODO"\n    #'),
        ("fields:", "dedupe: {by: [TODO]}\nfields:"),
    )
    todo = "a decision is open: write what it shall be instead of TODO"
    assert problems(depot(tmp_path, bag_scanned=bag)) == [
        f"bag_scanned.yaml: version: {todo}",
        f"bag_scanned.yaml: dedupe.by.0: {todo}",
        f"bag_scanned.yaml: fields.parcel_id.pii: {todo}",
        f"bag_scanned.yaml: transform.0.field: {todo}",
        "bag_scanned.yaml: fields.parcel_id.max_length: must be more than 0",
    ]


def test_a_mistake_in_one_part_hides_none_in_another(tmp_path: Path) -> None:
    bag = short(
        "bag_scanned",
        ("version: 1", "version: one"),  # the form of these is wrong
        ("  weight_grams:\n", "  Weight:\n    type: integer\n  weight_grams:\n"),
        ("fields:", "kafka: {size: tiny}\nfields:"),
        ("    pii: keep\n", ""),  # and these do not fit
        ("minimum: 1\n", "minimum: 100001\n"),
        ("name: lighter than air", "name: on the belt"),
        ("transform:", "day: {late_days: 9}\ntransform:"),
    )
    name = "must be lower-case words with underscores, such as order_placed"
    assert problems(depot(tmp_path, bag_scanned=bag)) == [
        f"bag_scanned.yaml: {problem}"
        for problem in (
            "version: must be a whole number",
            f"fields.Weight: {name}",
            "kafka.size: must be 'small', 'medium' or 'large'",
            "fields.parcel_id.pii: is missing; a string needs keep, hash or drop",
            "fields.weight_grams.minimum: 100001 is more than maximum 100000; no value would fit",
            "examples.1.name: «on the belt» is there twice; each says something else",
        )
    ]


def test_an_open_decision_about_personal_data_hides_nothing(tmp_path: Path) -> None:
    bag = short(
        "bag_scanned",
        ("    pii: keep", "    pii: TODO"),
        ("fields:", "dedupe: {by: [bag_id]}\nfields:"),
        ("field: parcel_id", "field: bag"),
    )
    found = problems(depot(tmp_path, bag_scanned=bag))
    assert [line.split(": ")[1] for line in found] == ["fields.parcel_id.pii", "transform.0.field"]
