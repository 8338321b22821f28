"""`forebay topics …`, as the data team uses it."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.commands.topics import COMMANDS, topics
from app.contracts.load import load_contracts
from app.core.errors import Fatal

from .topic_files import PARCEL, changed, write

SHIPPED = Path(__file__).parents[2] / "topics"


def run(*arguments: str, folder: Path = SHIPPED) -> Result:
    return CliRunner().invoke(topics, arguments, env={"TOPICS_DIR": str(folder)})


def fatal(*arguments: str, folder: Path) -> Sequence[str]:
    """The lines of the one message; `forebay` prints it and exits with 2."""
    result = run(*arguments, folder=folder)
    assert isinstance(result.exception, Fatal)
    return str(result.exception).splitlines()


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    return write(tmp_path, {"parcel_scanned.yaml": changed(("size: small", "size: tiny"))})


@pytest.fixture
def mistaken(tmp_path: Path) -> Path:
    """Well-formed, but an example turns out otherwise."""
    return write(
        tmp_path,
        {"parcel_scanned.yaml": changed(("parcel_id: P1}\n  - n", "parcel_id: P2}\n  - n"))},
    )


def test_check_says_that_the_shipped_topics_are_good() -> None:
    result = run("check")
    assert result.exit_code == 0
    assert result.output.startswith("All is good. Topics: ")


def test_check_counts_in_json() -> None:
    counts = json.loads(run("check", "--json").output)
    assert counts["topics"] == len(list(SHIPPED.glob("*/[!_]*.yaml")))
    assert counts["examples"] >= 3 * counts["topics"]
    assert counts["problems"] == []


def test_check_names_what_is_wrong_in_a_file(broken: Path) -> None:
    problem = f"{broken}/parcel_scanned.yaml: kafka.size: must be 'small', 'medium' or 'large'"
    assert fatal("check", folder=broken) == ["the topic files are not right", problem]
    result = run("check", "--json", folder=broken)
    assert result.exit_code == 2
    assert json.loads(result.output)["problems"] == [problem]


def test_check_runs_the_examples(mistaken: Path) -> None:
    where = f"{mistaken}/parcel_scanned.yaml: examples.0: «on the belt»"
    problem = f'{where}: parcel_id should be "P2", it is "P1"'
    assert fatal("check", folder=mistaken) == ["the topic files are not right", problem]
    assert run("check", "--json", folder=mistaken).exit_code == 2


def test_check_tells_of_the_files_that_are_named_alone(tmp_path: Path) -> None:
    letter = changed(("event: parcel_scanned", "event: letter_sent"), ("version: 1", "version: 0"))
    files = {"letter_sent.yaml": letter, "parcel_scanned.yaml": PARCEL}
    folder = write(tmp_path, files)
    parcel, letters = (str(folder / name) for name in ("parcel_scanned.yaml", "letter_sent.yaml"))
    assert run("check", parcel, folder=folder).output == "All is good. Topics: 1, examples: 2.\n"
    told = [f"{letters}: version: must be 1 or more"]
    assert fatal("check", letters, folder=folder)[1:] == told
    assert fatal("check", letters, parcel, folder=folder)[1:] == told
    [message] = fatal("check", str(tmp_path / "other.yaml"), folder=folder)
    assert message.endswith(f"is no topic file in {folder}; is --topics-dir right?")


def test_a_named_file_is_told_of_its_examples_and_of_its_app_s_defaults(mistaken: Path) -> None:
    file = mistaken / "depot" / "parcel_scanned.yaml"
    file.parent.mkdir()
    [_, example] = fatal("check", str(mistaken / file.name), folder=mistaken)
    assert "examples.0" in example
    (mistaken / "parcel_scanned.yaml").rename(file)
    (file.parent / "_app.yaml").write_text("load: {evry: 15m}\n", "utf-8")
    [_, shared] = fatal("check", str(file), folder=mistaken)
    assert "_app.yaml: load.evry: unknown key" in shared


def test_an_option_wins_over_the_environment(tmp_path: Path) -> None:
    folder = write(tmp_path / "topics", {"parcel_scanned.yaml": PARCEL})
    result = run("check", "--topics-dir", str(folder))
    assert result.output == "All is good. Topics: 1, examples: 2.\n"


def test_table_prints_sql_for_the_chosen_events_and_dialect() -> None:
    result = run("table", "weather_observed", "--dialect", "duckdb")
    assert result.output.startswith('CREATE TABLE IF NOT EXISTS "RAW"."WEATHER_OBSERVED" (')
    assert "flight" not in result.output.lower()
    both = json.loads(run("table", "--json").output)
    assert "CLUSTER BY" in both["flight_departed"]


def test_docs_print_a_page_per_event() -> None:
    assert run("docs", "order_placed").output.startswith("# order_placed (v1)")
    assert set(json.loads(run("docs", "--json").output)) >= {"order_placed", "job_viewed"}


def test_openapi_is_json() -> None:
    assert "/v1/events/order_placed" in json.loads(run("openapi").output)["paths"]


@pytest.mark.parametrize("words", [["table"], ["docs"], ["sample", "--event"]])
def test_an_unknown_event_is_answered_with_the_one_that_was_meant(words: list[str]) -> None:
    [message] = fatal(*words, "order_placd", folder=SHIPPED)
    assert message == "no topic file for order_placd (did you mean order_placed?)"


def test_an_event_that_is_like_no_other_is_answered_with_their_number() -> None:
    [message] = fatal("table", "nix", folder=SHIPPED)
    count = len(load_contracts(SHIPPED))
    assert message == f"no topic file for nix (none of the {count} names is near)"


def test_the_committed_schema_is_checked_and_written(tmp_path: Path) -> None:
    assert run("schema", "--check").exit_code == 0
    folder = write(tmp_path, {"parcel_scanned.yaml": PARCEL})
    [message] = fatal("schema", "--check", folder=folder)
    assert message == f"{folder}/.schema.json is out of date; run `forebay topics schema --write`"
    assert run("schema", "--write", folder=folder).exit_code == 0
    assert run("schema", "--check", folder=folder).exit_code == 0
    assert (folder / ".schema.json").read_text("utf-8") == run("schema").output
    assert (folder / ".app.schema.json").read_text("utf-8") == run("schema", "--app").output


def test_the_catalogue_is_written_as_web_pages(tmp_path: Path) -> None:
    done = run("docs", "--out", str(tmp_path / "site")).output
    assert "open " in done
    assert (tmp_path / "site/index.html").exists()
    assert (tmp_path / "site/events/order_placed.html").exists()


def test_the_commands_start_without_the_servers_libraries() -> None:
    code = (
        "import sys, app.cli as cli; cli.command_line('topics')\n"
        "from app.commands.topics import check, diff, lint, show\n"
        "print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    slow = {"aiohttp", "aiokafka", "faust", "snowflake", "boto3", "redis", "duckdb", "motor"}
    assert slow & set(loaded.stdout.split()) == set()


def test_each_command_is_there_with_its_help_and_only_one_is_imported() -> None:
    text = run("--help").output
    for name in COMMANDS:
        assert f"│ {name} " in text
        assert run(name, "--help").exit_code == 0
    code = "import sys, app.cli as cli; cli.command_line('topics'); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert [name for name in loaded.stdout.split() if name.startswith("app.contracts")] == []
    assert run("chek").exit_code == 2
