"""What happens without a network is proved with a Maven repository of our own."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.errors import Transient
from app.local.jars import KAFKA, kafka_jars


@pytest.fixture
def empty_repository() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/maven2"
    server.shutdown()
    thread.join()
    server.server_close()


def test_jars_in_the_cache_need_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("FOREBAY_MAVEN_REPOSITORY", "http://127.0.0.1:9/")
    (tmp_path / "forebay" / f"kafka-{KAFKA}").mkdir(parents=True)
    assert kafka_jars() == tmp_path / "forebay" / f"kafka-{KAFKA}"


def test_a_failed_fetch_says_what_can_be_set_and_leaves_nothing_half_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_repository: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("FOREBAY_MAVEN_REPOSITORY", empty_repository)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(Transient, match="FOREBAY_MAVEN_REPOSITORY"):
        kafka_jars()
    assert [found.name for found in (tmp_path / "forebay").iterdir()] == ["kafka.lock"]


def test_a_cache_folder_that_is_not_absolute_is_ignored_as_the_standard_wants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".cache" / "forebay" / f"kafka-{KAFKA}").mkdir(parents=True)
    assert kafka_jars() == tmp_path / ".cache" / "forebay" / f"kafka-{KAFKA}"
