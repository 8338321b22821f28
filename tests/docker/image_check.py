"""`make image-check`: is the image small, and does what it has run in containers?

It takes buildah, podman and debootstrap, root, and some minutes, and is no part of `make test`.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import psutil

from app.assemble import NO_DUCKDB
from app.local.fetch import fetch_kafka_jars
from app.local.ports import free_port
from app.local.stack import LocalStack

from .engine import (
    Container,
    Failed,
    attempt,
    base,
    built,
    compressed,
    done,
    expect,
    needed,
    say,
    size,
    start_apart,
    until,
)

LIMIT = 300_000_000
ROLES = ("gateway", "worker", "scheduler")
STOP_SECONDS = 40
INSIDE = """
import errno, os, shutil
assert (os.getuid(), os.getgid()) == (10001, 10001), os.getuid()
for folder in ("/", "/opt/forebay", "/etc/forebay/topics", "/var/tmp"):
    try:
        open(folder + "/x", "w")
    except OSError as error:
        assert error.errno in (errno.EROFS, errno.EACCES), error
    else:
        raise SystemExit(folder + " can be written")
for folder in ("/data", "/tmp"):
    open(folder + "/x", "w").close()
    os.remove(folder + "/x")
there = [name for name in ("cc", "gcc", "ld", "strip", "uv") if shutil.which(name)]
assert not there, there
"""


def ready(port: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
            return True
    except OSError:
        return False


def process(role: str, environment: Mapping[str, str]) -> psutil.Process | None:
    """A role's process as this machine sees it: the one of ours, known by its key of hashes."""
    for one in psutil.process_iter():
        try:
            variables = one.environ()
        except psutil.Error:
            continue
        if (variables.get("ROLE"), variables.get("PII_KEY")) == (role, environment["PII_KEY"]):
            return one
    return None


def send(port: str, count: int) -> None:
    """That many orders, each of them twice. Raises `Failed`."""
    now = datetime.now(UTC).strftime("%FT%TZ")
    lines = [{"sku": "tea", "quantity": 2}]
    for number in range(count):
        order = {"event_id": str(uuid4()), "occurred_at": now, "order_id": f"A-{number}",
                 "country": "NL", "currency": "EUR", "total_cents": 1250, "gift": False,
                 "lines": lines}  # fmt: skip
        url = f"http://127.0.0.1:{port}/v1/events/order_placed"
        body = json.dumps([order, order]).encode()
        asked = urllib.request.Request(url, body, {"content-type": "application/json"})
        with urllib.request.urlopen(asked, timeout=30) as answer:
            expect(answer.status == 202, f"the gateway answered {answer.status}")


def alone(image: str) -> None:
    """What needs no server."""
    for words in (["--help"], ["settings"], ["topics", "check"]):
        tried = Container(image, {}).once(*words)
        expect(tried.returncode == 0, f"forebay {' '.join(words)}: {tried.stdout}")
    tried = Container(image, {}).once("-c", INSIDE, program="python")
    expect(tried.returncode == 0, tried.stdout)
    tried = Container(image, {"ROLE": "scheduler", "WAREHOUSE": "duckdb"}).once("run")
    expect(tried.returncode == 1 and NO_DUCKDB in tried.stdout, tried.stdout)


@contextmanager
def running(image: str, environment: Mapping[str, str], *roles: str) -> Iterator[Container]:
    """A container whose roles are ready; left, it has to drain, and to exit with 0."""
    with Container(image, environment, f"forebay-{uuid4().hex[:8]}") as container:
        try:
            for role in roles:
                port = environment[f"{role.upper()}__PORT"]
                until(lambda port=port: ready(port), f"{role} is ready")
            until(container.healthy, "HEALTHCHECK says healthy", 30)
            yield container
            began = time.monotonic()
            code = container.stopped(STOP_SECONDS)
            say(f"  drained in {time.monotonic() - began:.1f} s")
            expect(code == 0, f"exit code {code}")
            expect(container.log.count('"stopped"') == len(roles), "not each one said: stopped")
        except Failed as error:
            raise Failed(f"{error}\n{container.log[-6_000:]}") from error


def one_by_one(image: str, environment: Mapping[str, str]) -> None:
    """Gateway and worker, each in a container of its own."""
    with running(image, environment | {"ROLE": "gateway"}, "gateway") as container:
        send(environment["GATEWAY__PORT"], 10)
        found = process("gateway", environment)
        expect(found is not None and found.uids().real == 10001, f"the gateway is {found}")
        found.suspend()
        expect(not container.healthy(), "healthy, though it answers nothing")
        found.resume()
        until(container.healthy, "healthy again", 30)
    with running(image, environment | {"ROLE": "worker"}, "worker"):
        pass


def three_in_one(image: str, environment: Mapping[str, str]) -> None:
    """The machine: who dies is back, and after its end nothing is missing."""
    with running(image, environment, *ROLES) as container:
        for role in ROLES:
            killed = process(role, environment)
            expect(killed is not None, f"there is no {role}")
            os.kill(killed.pid, signal.SIGKILL)
            port = environment[f"{role.upper()}__PORT"]
            until(lambda role=role, port=port, killed=killed: ready(port)
                  and process(role, environment) != killed, f"{role} is back")  # fmt: skip
        until(container.healthy, "healthy again", 30)
        send(environment["GATEWAY__PORT"], 10)
        command = Container(image, environment)
        until(lambda: not command.once("load").returncode
              and audited(command)["totals"]["rows"] == 20, "20 rows")  # fmt: skip
    found = audited(command)
    totals = {name: found["totals"][name] for name in ("received", "duplicates", "rows", "lag")}
    expect(found["balanced"] and list(totals.values()) == [40, 20, 20, 0], f"{found}")
    say(f"  balanced: {totals}")


def audited(command: Container) -> dict[str, Any]:
    """What the audit tells, beside roles that run or after them."""
    said = command.once("audit", "--json").stdout
    try:
        return json.loads(said)
    except ValueError as error:
        raise Failed(f"the audit could not be made: {said}") from error


def sizes(on: str, images: Mapping[str, str]) -> None:
    """Say them; the default has a limit. Raises `Failed`."""
    under = size(on)
    say(f"  {'MB':<10}{'all':>8}{'base':>8}{'ours':>8}{'gzip':>8}")
    for target, image in images.items():
        figures = (size(image), under, size(image) - under, compressed(image))
        say(f"  {target:<10}" + "".join(f"{one / 1e6:>8.1f}" for one in figures))
    expect(size(images["forebay"]) < LIMIT, f"the image has {LIMIT / 1e6:.0f} MB or more")


async def checked(suite: str) -> None:
    """Everything, one after the other. Raises `Failed` at the first thing that is wrong."""
    on = base(suite)
    images = {}
    for target in ("forebay", "duckdb", "machine"):
        say(f"building {target}")
        images[target] = built(target, on)
    sizes(on, images)
    attempt("podman", "volume", "rm", "--force", "forebay-data")
    fetch_kafka_jars()
    with TemporaryDirectory() as folder:
        async with LocalStack(Path(folder), {}) as stack:
            ports = {f"{role.upper()}__PORT": str(free_port()) for role in ROLES}
            hosts = {f"{role.upper()}__HOST": "127.0.0.1" for role in ROLES}
            servers = {k: v for k, v in stack.environment.items() if "DATA_DIR" not in k}
            environment = servers | ports | hosts | {
                "DRAIN_SECONDS": "25", "SEAL__MAX_AGE_SECONDS": "2", "WAREHOUSE": "duckdb",
                "LEDGER__URL": "sqlite:////data/ledger.db",
                "DUCKDB__PATH": "/data/warehouse.duckdb",
            }  # fmt: skip
            say("commands, on a root that can not be written")
            await asyncio.to_thread(alone, images["forebay"])
            say("gateway and worker")
            await asyncio.to_thread(one_by_one, images["forebay"], environment)
            say("all three under runit")
            await asyncio.to_thread(three_in_one, images["machine"], environment)
    done("podman", "volume", "rm", "--force", "forebay-data")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", default="trixie", help="of Debian, to build on")
    given = parser.parse_args()
    if said := needed():
        sys.exit(said)
    start_apart("tests.docker.image_check")
    try:
        asyncio.run(checked(given.suite))
    except Failed as error:
        sys.exit(f"FAILED: {error}")
    say("All of it works.")


if __name__ == "__main__":
    main()
