"""`forebay topics infer`, as the data team uses it."""

import gzip
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from app.commands.topics import topics
from app.contracts.compile import compile_contract
from app.contracts.examples import EXAMPLE_PII_KEY
from app.contracts.load import load_contracts
from app.core.errors import Fatal
from app.core.judge import Accepted, judge

from .samples import awkward, decided, written

SAMPLES = [awkward(number) for number in range(120)]


def run(*arguments: Any, folder: Path) -> Result:
    return CliRunner().invoke(topics, list(map(str, arguments)), env={"TOPICS_DIR": str(folder)})


def test_a_file_whose_decisions_are_made_is_right_and_accepts_all_samples(tmp_path: Path) -> None:
    folder = tmp_path / "topics"
    out = folder / "code" / "pushed.yaml"
    samples = written(tmp_path, SAMPLES)
    result = run(
        "infer", samples, "--event", "pushed", "--app", "code", "--out", out, folder=folder
    )
    assert result.exit_code == 0, result.output
    assert "120 samples.\nJudged by the file: 120 accepted, 0 rejected.\n" in result.stderr
    out.write_text(decided(out), "utf-8")
    assert run("check", folder=folder).output == "All is good. Topics: 1, examples: 2.\n"
    kind = compile_contract(load_contracts(folder)["pushed"], EXAMPLE_PII_KEY)
    for sample in SAMPLES:
        raw = json.dumps(sample).encode()
        verdict = judge(kind, raw, kind.occurred_at(kind.parse(raw)))
        assert isinstance(verdict, Accepted), verdict
        line = orjson.loads(kind.line(verdict.row, verdict.day))
        assert line["repo_id"] == sample["repo.id"]
        assert line["user_address_zip_code"] == (sample["user"] and "10115")
        if sample["user"]:
            assert line["_extra"]["user"]["address"]["geo"] == {"point": {"lat": 52.5}}


def test_check_asks_for_the_decisions_and_for_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "topics"
    out = folder / "code" / "pushed.yaml"
    run("infer", written(tmp_path, SAMPLES), "--event", "pushed", "--app", "code", "--out", out,
        folder=folder)  # fmt: skip
    problems = json.loads(run("check", "--json", folder=folder).output)["problems"]
    assert len(problems) > 20
    assert all(problem.endswith("write what it shall be instead of TODO") for problem in problems)


def test_the_file_is_printed_if_nobody_says_where_to_write_it(tmp_path: Path) -> None:
    result = run("infer", written(tmp_path, SAMPLES), "--event", "pushed", folder=tmp_path)
    assert result.stdout.startswith("# yaml-language-server: $schema=../.schema.json\n# Inferred")
    assert "\napp: TODO\n" in result.stdout
    assert "Decide what says TODO in the file (" in result.stderr


def test_the_app_is_said_only_where_the_folder_does_not_say_it(tmp_path: Path) -> None:
    samples, folder = written(tmp_path, SAMPLES), tmp_path / "topics"
    arguments = ("infer", samples, "--event", "pushed", "--app", "code")
    assert "\napp:" not in run(*arguments, folder=folder).stdout
    for out, said in (("topics/code", False), ("topics", True), ("elsewhere", True)):
        file = tmp_path / out / "pushed.yaml"
        run(*arguments, "--out", file, folder=folder)
        assert ("\napp: code\n" in file.read_text("utf-8")) is said


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    out = tmp_path / "pushed.yaml"
    out.write_text("mine", "utf-8")
    result = run("infer", written(tmp_path, SAMPLES), "--event", "pushed", "--out", out,
                 folder=tmp_path)  # fmt: skip
    assert isinstance(result.exception, Fatal)
    assert str(result.exception) == f"{out} is there already; move it away, or choose another --out"
    assert out.read_text("utf-8") == "mine"


def test_bad_lines_are_named_and_the_others_used(tmp_path: Path) -> None:
    file = tmp_path / "samples.ndjson.gz"
    lines = [b'{"id": 1, "at": "2026-03-01T10:00:00Z"}', b"", b"[1]", b'{"id": 1']
    file.write_bytes(gzip.compress(b"\n".join(lines)))
    result = run("infer", file, "--event", "pushed", folder=tmp_path)
    assert "1 samples, and 2 lines that hold none:\n  line 3: an event is one JSON" in result.stderr
    assert "  line 4: not JSON: EOF while parsing" in result.stderr
    report = json.loads(run("infer", file, "--event", "pushed", "--json", folder=tmp_path).stdout)
    assert report["bad_lines"]["count"] == 2
    assert [bad["line"] for bad in report["bad_lines"]["first"]] == [3, 4]
    assert report["judged"] == {"accepted": 1, "rejected": {"count": 0, "first": []}}
    assert "fields.id.about" in report["todo"]


def test_a_sample_that_no_file_could_accept_is_named(tmp_path: Path) -> None:
    samples = [
        {"at": "2026-03-01T10:00:00Z", "id": 1},
        {"at": "2026-03-01T10:00:00Z", "id": 10**40},
    ]
    result = run("infer", written(tmp_path, samples), "--event", "pushed", folder=tmp_path)
    assert "1 accepted, 1 rejected:\n  line 2: id must be" in result.stderr


def test_without_a_time_it_says_why_nothing_was_judged(tmp_path: Path) -> None:
    result = run("infer", written(tmp_path, [{"id": 1}]), "--event", "pushed", folder=tmp_path)
    assert "Not judged by the file: which time makes the day is open." in result.stderr
    assert "examples: TODO" in result.stdout


@pytest.mark.parametrize(
    ("event", "text", "message"),
    [
        ("Pushed", "{}", "--event «Pushed»: write lower-case words with underscores, such as "),
        ("pushed", "[]\n", "samples.ndjson: no line holds a JSON object:\n  line 1: an event is"),
    ],
)
def test_what_can_not_be_done_is_said(tmp_path: Path, event: str, text: str, message: str) -> None:
    file = tmp_path / "samples.ndjson"
    file.write_text(text, "utf-8")
    result = run("infer", file, "--event", event, folder=tmp_path)
    assert isinstance(result.exception, Fatal)
    assert message in str(result.exception)


def test_what_the_app_s_defaults_say_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "topics" / "code"
    folder.mkdir(parents=True)
    (folder / "_app.yaml").write_text(
        'app: code\nowners: {team: code-data, chat: "#code-data"}\nkafka: {size: medium}\n'
        "warehouse: {schema: CODE}\n",
        "utf-8",
    )
    out = folder / "pushed.yaml"
    run("infer", written(tmp_path, SAMPLES), "--event", "pushed", "--app", "code", "--out", out,
        folder=folder.parent)  # fmt: skip
    text = out.read_text("utf-8")
    assert "owners" not in text
    assert "warehouse" not in text
    assert "small" not in text
    out.write_text(decided(out), "utf-8")
    [contract] = load_contracts(folder.parent).values()
    assert (contract.table.name, contract.kafka.size) == ("CODE.PUSHED", "medium")
