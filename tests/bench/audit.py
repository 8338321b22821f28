"""What an audit costs: `python -m tests.bench.audit --events 10000000`.

Makes a world of so many events (see `tests.audit.million`), then audits it, each time in a process
of its own, and prints CPU seconds, peak memory, and what had to be read: for the first time, again,
after one more seal, quickly, in full, and with each object downloaded. `make bench` takes the first
two, of worlds of two sizes, see `tests.bench.checks`.
"""

import argparse
import asyncio
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from app.local.s3 import ACCESS_KEY, REGION, SECRET_KEY, LocalS3
from sinks.s3.options import S3Options

LOOKS: dict[str, list[str]] = {
    "the first audit": [],
    "nothing changed": [],
    "one more seal": ["--more"],
    "one more seal, quick": ["--more", "--quick"],
    "without a memory": ["--forget"],
    "deep, without a memory": ["--forget", "--deep"],
}


def look(folder: Path, *words: str) -> dict[str, Any]:
    """Audit a closed world in a process of its own, and tell what it found and took."""
    command = [sys.executable, "-m", "tests.bench.audit", "--folder", str(folder), *words]
    told = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    answer: dict[str, Any] = json.loads(told.stdout.splitlines()[-1])
    return answer


async def audit(folder: Path, *, deep: bool, quick: bool, forget: bool, more: bool) -> None:
    from tests.audit.million import Million, one_more_seal, opened

    million: Million = pickle.loads((folder / "million.pickle").read_bytes())
    million.folder = folder
    async with opened(million) as world:
        if more:
            await one_more_seal(world)
            (folder / "million.pickle").write_bytes(pickle.dumps(million))
        began, used = time.monotonic(), time.process_time()
        report = await world.audit(deep=deep, quick=quick, memory=not forget)
    told = report.as_json() | {
        "seconds": time.monotonic() - began,
        "cpu_seconds": time.process_time() - used,
        "peak_megabytes": peak_megabytes(),
    }
    print(json.dumps(told, default=str))  # noqa: T201


def peak_megabytes() -> float:
    """Of this process alone: `ru_maxrss` begins with that of whoever started it."""
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


async def make(folder: Path, s3: S3Options) -> None:
    from tests.audit.million import make_million

    million = await make_million(folder, s3)
    (folder / "million.pickle").write_bytes(pickle.dumps(million))


async def measure(events: int, per_seal: int, looks: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Make a world and take these looks at it; what each one found and took."""
    os.environ |= {"AUDIT_EVENTS": str(events), "AUDIT_PER_SEAL": str(per_seal)}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "world"
        folder.mkdir()
        server = LocalS3(Path(made) / "s3", log_file=Path(made) / "s3.log", bucket="bench")
        await server.start()
        try:
            options = S3Options(
                endpoint_url=server.endpoint_url,
                region=REGION,
                bucket="bench",
                prefix="world",
                access_key_id=ACCESS_KEY,
                secret_access_key=SecretStr(SECRET_KEY),
            )
            began = time.monotonic()
            await make(folder, options)
            progress(f"{events:,} events made in {time.monotonic() - began:.0f} s")
            told = {}
            for name in looks:
                told[name] = await asyncio.to_thread(look, folder, *LOOKS[name])
                show(name, told[name])
            return told
        finally:
            await server.stop()


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def show(name: str, told: dict[str, Any]) -> None:
    reading, objects = told["reading"], told["objects"]
    progress(
        f"{name:24} {told['cpu_seconds']:7.1f} s CPU {told['seconds']:7.1f} s  "
        f"{told['peak_megabytes']:5.0f} MB  shelves {reading['shelves_read']}/{reading['shelves']}"
        f"  documents {reading['entries']}  listed {objects['listed']}  read {objects['read']}"
        f"  findings {told['findings_by_kind']}"
    )


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--events", type=int, default=10_000_000)
    words.add_argument("--per-seal", type=int, default=5_000)
    words.add_argument("--first", type=int, default=len(LOOKS), help="Only so many looks.")
    words.add_argument("--json", action="store_true", help="Also print all that was found.")
    words.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    for flag in ("deep", "quick", "forget", "more"):
        words.add_argument(f"--{flag}", action="store_true", help=argparse.SUPPRESS)
    said = words.parse_args()
    if said.folder is not None:
        flags = {name: getattr(said, name) for name in ("deep", "quick", "forget", "more")}
        asyncio.run(audit(said.folder, **flags))
        return
    told = asyncio.run(measure(said.events, said.per_seal, list(LOOKS)[: said.first]))
    if said.json:
        print(json.dumps(told))  # noqa: T201


if __name__ == "__main__":
    main()
