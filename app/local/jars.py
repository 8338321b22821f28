"""Apache Kafka's jars, by their Maven coordinates, kept in a cache folder."""

import fcntl
import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory

from app.core.errors import Fatal, Transient

KAFKA = "4.3.1"
# kafka-clients is named, although kafka needs it: jgo would take the older one that log4j names.
COORDINATES = (
    f"org.apache.kafka:kafka_2.13:{KAFKA}",
    f"org.apache.kafka:kafka-clients:{KAFKA}",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.26.1",
    "org.apache.logging.log4j:log4j-core:2.26.1",
)
MIRROR_VARIABLE = "FOREBAY_MAVEN_REPOSITORY"

# Gives, for a file's name and its bytes, a context whose value is told of each piece.
Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]


def cache_dir() -> Path:
    """`$XDG_CACHE_HOME/forebay`, or `~/.cache/forebay`."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(home) if os.path.isabs(home) else Path.home() / ".cache") / "forebay"


def cached_jars() -> Path | None:
    """The folder with the jars, if they were fetched."""
    jars = cache_dir() / f"kafka-{KAFKA}"
    return jars if jars.is_dir() else None


def kafka_jars(progress: Progress | None = None) -> Path:
    """The folder with all jars that a broker needs; fetched once (44 MB), then used offline.

    `FOREBAY_MAVEN_REPOSITORY` names a mirror to use instead of Maven Central.

    Raises:
        Transient: Maven Central, or the mirror, did not give them.
        Fatal: the optional packages of the local stack are not installed.
    """
    if (jars := cached_jars()) is not None:
        return jars
    cache_dir().mkdir(parents=True, exist_ok=True)
    jars = cache_dir() / f"kafka-{KAFKA}"
    with (cache_dir() / "kafka.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another process may be fetching them
        if cached_jars() is None:
            _fetch(jars, progress)
    return jars


def _fetch(jars: Path, progress: Progress | None) -> None:
    for left_by_a_killed_process in cache_dir().glob("fetching-*"):
        shutil.rmtree(left_by_a_killed_process)
    with TemporaryDirectory(dir=cache_dir(), prefix="fetching-") as scratch:
        complete = Path(scratch, "jars")
        complete.mkdir()
        for jar in _resolve(Path(scratch), progress):
            shutil.copy(jar, complete)
        complete.rename(jars)  # so that the folder is there only when all of it is


def _resolve(scratch: Path, progress: Progress | None) -> list[Path]:
    try:
        from jgo.constants import MAVEN_CENTRAL_URL
        from jgo.env import EnvironmentBuilder, LinkStrategy
        from jgo.maven import MavenContext, PythonResolver
    except ImportError as error:
        raise missing_packages(error) from error
    repository = os.environ.get(MIRROR_VARIABLE) or MAVEN_CENTRAL_URL
    context = MavenContext(
        repo_cache=scratch / "repository",
        remote_repos={"central": repository.rstrip("/")},
        resolver=PythonResolver(progress_callback=progress),
    )
    builder = EnvironmentBuilder(
        context=context, cache_dir=scratch / "environments", link_strategy=LinkStrategy.AUTO
    )
    try:
        return list(builder.from_endpoint("+".join(COORDINATES)).all_jars)
    except Exception as error:  # jgo promises no class of its own
        raise Transient(
            f"Kafka's jars could not be fetched from {repository}: {error}. A proxy is taken from"
            f" HTTPS_PROXY, a mirror of Maven Central from {MIRROR_VARIABLE}."
        ) from error


def missing_packages(error: ImportError) -> Fatal:
    """What to say when the optional dependencies are absent."""
    return Fatal(f"The local stack needs its packages ({error}): pip install 'forebay[local]'")
