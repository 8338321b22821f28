from pathlib import Path

import pytest
from redis.asyncio import Redis

from app.core.errors import Fatal
from app.local.stack import LocalStack
from app.local.state import holder
from tests.local.pids import gone

ELSEWHERE = {"KAFKA__BROKERS": "kafka.example:9092", "S3__ENDPOINT_URL": "http://s3.example"}


async def test_it_starts_what_the_environment_does_not_name(tmp_path: Path) -> None:
    async with LocalStack(tmp_path, {**ELSEWHERE, "S3__BUCKET": "theirs"}) as stack:
        assert [server.name for server in stack.servers] == ["redis"]
        found = stack.environment
        async with Redis.from_url(found["REDIS__URL"]) as client:
            assert await client.ping()
    assert found["KAFKA__BROKERS"] == "kafka.example:9092"
    assert found["S3__BUCKET"] == "theirs"
    assert "S3__SECRET_ACCESS_KEY" not in found
    assert found["LEDGER__URL"] == f"sqlite:///{tmp_path}/ledger.db"


async def test_what_the_environment_says_about_files_is_kept(tmp_path: Path) -> None:
    stack = LocalStack(tmp_path, {**ELSEWHERE, "LEDGER__URL": "mongodb://ledger.example/"})
    assert stack.environment["LEDGER__URL"] == "mongodb://ledger.example/"
    assert stack.environment["DUCKDB__PATH"] == f"{tmp_path}/warehouse.duckdb"


async def test_hashes_have_a_key_that_stays_with_the_folder(tmp_path: Path) -> None:
    keys = []
    for folder in ("one", "one", "other"):
        async with LocalStack(tmp_path / folder, ELSEWHERE) as stack:
            keys.append(stack.environment["PII_KEY"])
    assert keys[0] == keys[1] != keys[2]
    assert len(keys[0]) >= 32
    assert (tmp_path / "one" / "pii.key").stat().st_mode & 0o077 == 0


async def test_a_key_from_the_environment_wins_and_is_not_written_down(tmp_path: Path) -> None:
    async with LocalStack(tmp_path, {**ELSEWHERE, "PII_KEY": "a key of the user's own"}) as stack:
        assert stack.environment["PII_KEY"] == "a key of the user's own"
    assert not (tmp_path / "pii.key").exists()


async def test_a_second_stack_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    async with LocalStack(tmp_path, ELSEWHERE):
        with pytest.raises(Fatal, match=f"already runs in {tmp_path}"):
            await LocalStack(tmp_path, ELSEWHERE).__aenter__()
    async with LocalStack(tmp_path, ELSEWHERE):
        pass


async def test_if_one_server_can_not_start_none_is_left(tmp_path: Path) -> None:
    stack = LocalStack(tmp_path, {"KAFKA__BROKERS": "kafka.example:9092"})
    assert stack.s3 is not None
    assert stack.redis is not None
    seen: list[int | None] = []

    async def redis_runs() -> bool:
        seen.append(stack.redis.pid if stack.redis else None)
        return False

    stack.s3.command = ["sh", "-c", "sleep 0.3; echo no disk; exit 4"]
    stack.redis.ready = redis_runs
    with pytest.raises(Fatal, match=r"(?s)s3 ended at its start with exit code 4.*no disk"):
        await stack.__aenter__()
    assert seen
    await gone(pid for pid in seen if pid is not None)
    assert holder(tmp_path) is None
