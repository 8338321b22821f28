"""`forebay settings`, and where settings come from."""

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from loguru import logger
from pydantic import BaseModel, SecretStr
from typer.testing import CliRunner, Result

from app.cli import command_line
from app.core.errors import Fatal
from app.gateway.limits import Counts
from app.redis_options import RedisOptions
from app.scheduler.lock import Locks
from app.settings import Settings, read_settings
from app.settings_list import MASK, listed
from tests.logs.pipe import piped

SECRET = "hunter2-hunter2-hunter2-hunter2"


def secrets_of(model: type[BaseModel], prefix: str = "") -> list[str]:
    """The variables of all settings that are secret."""
    names: list[str] = []
    for name, field in model.model_fields.items():
        if field.annotation is SecretStr:
            names.append(prefix + name.upper())
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names += secrets_of(field.annotation, f"{prefix}{name.upper()}__")
    return names


SECRETS = secrets_of(Settings)
URLS = {
    "REDIS__URL": f"rediss://:{SECRET}@redis.example:6379/0",
    "LEDGER__URL": f"mongodb://forebay:{SECRET}@mongo.example/?tls=true",
}


def forebay(*words: str, **variables: str) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        return CliRunner().invoke(command_line(words[0]), list(words), catch_exceptions=False)


def test_there_are_secrets_to_keep() -> None:
    assert {"PII_KEY", "KAFKA__PASSWORD", "REDIS__PASSWORD", "SENTRY__DSN"} <= set(SECRETS)


@pytest.mark.parametrize("words", [["settings"], ["settings", "--json"], ["settings", "--changed"]])
def test_no_secret_is_printed(words: list[str]) -> None:
    done = forebay(*words, **dict.fromkeys(SECRETS, SECRET), **URLS)
    assert done.exit_code == 0
    assert SECRET not in done.output
    assert done.stdout.count(MASK) >= len(SECRETS) + len(URLS)


@pytest.mark.parametrize("special", "/@#?:[%")
def test_a_password_in_a_url_that_can_not_be_read_is_not_told_either(
    special: str, capfd: pytest.CaptureFixture[str]
) -> None:
    word = f"hunter2{special}hunter2"
    url = f"redis://:{word}@127.0.0.1:6379/0"
    said = forebay("settings", REDIS__URL=url, LEDGER__URL=f"mongodb://u:{word}@127.0.0.1/x").output
    with piped():
        for use in (
            lambda: Counts(RedisOptions(url=url)),
            lambda: Locks(url, 1),
            lambda: Locks("", 1),
        ):
            try:
                use()
            except Fatal as error:
                logger.opt(exception=error).error("{}", error)
    said += capfd.readouterr().err
    assert "REDIS__URL" in said
    assert "hunter2" not in said


def test_no_secret_is_logged_by_a_role_that_can_not_start(tmp_path: Path) -> None:
    (tmp_path / "topics").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "run"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.getcwd()}
        | {"ROLE": "gateway", "LOG__LEVEL": "DEBUG", "GATEWAY__HOST": "0.0.0.0"}
        | dict.fromkeys(SECRETS, SECRET)
        | URLS
        | {"SENTRY__DSN": ""},
    )
    assert done.returncode == 1
    assert SECRET not in done.stdout + done.stderr


def test_each_setting_is_printed_with_its_value_origin_and_purpose(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "KAFKA__PASSWORD").write_text(SECRET + "\n")
    done = forebay("settings", "--json", GATEWAY__PORT="8111", SECRETS_DIR=str(secrets))
    found = {one["name"]: one for one in orjson.loads(done.stdout)}
    assert found["GATEWAY__PORT"]["value"] == 8111
    assert found["GATEWAY__PORT"]["origin"] == "environment"
    assert found["GATEWAY__PORT"]["about"]
    assert found["GATEWAY__HOST"]["origin"] == "default"
    assert (found["KAFKA__PASSWORD"]["value"], found["KAFKA__PASSWORD"]["origin"]) == (MASK, "file")
    assert found["PII_KEY"]["value"] == ""


def test_secrets_come_from_files_and_the_environment_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted = tmp_path / "..2026_data"  # as Kubernetes does it
    mounted.mkdir()
    for name in ("KAFKA__PASSWORD", "PII_KEY"):
        (mounted / name).write_text(f"{name} of a file\n")
        (tmp_path / name).symlink_to(mounted / name)
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("PII_KEY", "that of the environment")
    settings = read_settings()
    assert settings.kafka.password.get_secret_value() == "KAFKA__PASSWORD of a file"
    assert settings.pii_key.get_secret_value() == "that of the environment"
    assert {one.name: one.origin for one in listed(settings)}["KAFKA__PASSWORD"] == "file"


def test_a_folder_of_secrets_that_is_not_there_is_fatal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRETS_DIR", "/nowhere")
    with pytest.raises(Fatal, match="SECRETS_DIR"):
        read_settings()
