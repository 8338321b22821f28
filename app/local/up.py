"""`forebay up`: the local stack and the three roles, kept running until they are told to stop."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from app.core.errors import Fatal
from app.local.fetch import fetch_kafka_jars
from app.local.output import Output
from app.local.ports import free_port
from app.local.process import ChildProcess
from app.local.role import LocalRole
from app.local.stack import TOKEN_FILE, LocalStack
from app.local.state import (
    State,
    holder,
    read_ends,
    read_state,
    remove_state,
    write_ends,
    write_state,
)

ROLE_PORTS = {"gateway": 8080, "worker": 8081, "scheduler": 8082}
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0  # who ran this long has earned a short pause again
DOWN_SECONDS = 60.0

Say = Callable[[str], None]


async def up(data_dir: Path = Path(".forebay"), output: Output | None = None) -> None:
    """Start everything and keep it running until SIGINT or SIGTERM; then stop all of it.

    Roles drain first, then the servers stop. A second signal kills at once. Call it in the main
    thread: its end takes the children along.

    Raises:
        Fatal: something runs in this folder already, or a server can not be started.
    """
    output = output or Output()
    stack = LocalStack(data_dir)
    if stack.kafka:
        fetch_kafka_jars()
    children: list[ChildProcess] = stack.servers
    life = asyncio.create_task(_live(stack, output, children))
    signals: list[int] = []

    def stop() -> None:
        signals.append(1)
        if len(signals) == 1:
            output.say("stopping; once more kills")
            life.cancel()
            return
        for child in children:
            child.kill()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        await life
    except asyncio.CancelledError:
        if not signals:  # somebody else wants an end: theirs to know
            raise
        output.say(f"stopped; the data stays in {stack.data_dir}")
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _live(stack: LocalStack, output: Output, children: list[ChildProcess]) -> None:
    """Order: servers, roles, state file; and back. Roles are added to `children`."""
    output.say(f"starting in {stack.data_dir}")
    async with stack:
        for server in stack.servers:
            output.say("ready", server.name)
        roles = _roles(stack)
        children.extend(roles)
        async with output.following([*stack.servers, *roles]):
            try:
                await _keep_all(stack, roles, output)
            finally:
                remove_state(stack.data_dir)
                await _stopped(stack, roles, output)


async def _stopped(stack: LocalStack, roles: Sequence[LocalRole], output: Output) -> None:
    """Stop the roles, and say of which ones it was no clean end."""
    until_now = [role for role in roles if role.running]
    await asyncio.gather(*(role.stop() for role in roles))
    ends = {role.name: role.exit_code or 0 for role in until_now}
    for name, code in ends.items():
        if code:
            output.say(f"did not stop cleanly: exit code {code}", name)
    write_ends(stack.data_dir, ends)


def _roles(stack: LocalStack) -> list[LocalRole]:
    roles = []
    for name, usual in ROLE_PORTS.items():
        port = int(os.environ.get(f"{name.upper()}__PORT") or free_port(usual))
        log_file = stack.log_file(name)
        roles.append(LocalRole(name, port, stack.environment, log_file=log_file))
    return roles


async def _keep_all(stack: LocalStack, roles: Sequence[LocalRole], output: Output) -> None:
    children = [*stack.servers, *roles]
    waited_for = {child.name for child in children}

    def started(name: str) -> None:
        first_time = bool(waited_for)
        waited_for.discard(name)
        if not waited_for:
            write_state(stack.data_dir, _state(stack, roles))
            if first_time:
                output.say(_welcome(stack, roles))

    try:
        async with asyncio.TaskGroup() as group:
            for child in children:
                say = partial(output.say, name=child.name)
                group.create_task(keep(child, say, partial(started, child.name)))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None


async def keep(
    child: ChildProcess,
    say: Say,
    started: Callable[[], None],
    first_pause_seconds: float = FIRST_PAUSE_SECONDS,
) -> None:
    """Start it whenever it does not run, with longer and longer pauses; never ends by itself.

    `started` is called each time it has become ready.
    """
    pause = first_pause_seconds
    while True:
        began = time.monotonic()
        try:
            if not child.running:
                await child.start()
                say("ready")
            started()
            await child.wait()
        except Fatal as error:
            if child.exit_code is None:
                raise  # there is no such program
            say(str(error).splitlines()[0])
        if time.monotonic() - began > STEADY_SECONDS:
            pause = first_pause_seconds
        say(f"ended with exit code {child.exit_code}; starts again in {pause:g} s")
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def _state(stack: LocalStack, roles: Sequence[LocalRole]) -> State:
    environment = stack.environment
    return State(
        urls={role.name: role.url for role in roles}
        | {
            "kafka": environment["KAFKA__BROKERS"],
            "s3": environment["S3__ENDPOINT_URL"],
            "redis": environment["REDIS__URL"],
        },
        pids={child.name: child.pid for child in [*stack.servers, *roles] if child.pid},
        environment={k: v for k, v in environment.items() if k not in os.environ}
        | {f"{role.name.upper()}__PORT": role.url.rpartition(":")[2] for role in roles},
    )


def _welcome(stack: LocalStack, roles: Sequence[LocalRole]) -> str:
    urls = {role.name: role.url for role in roles}
    environment = stack.environment
    lines = {
        "send events to": f"{urls['gateway']}/v1/events",
        "documentation": f"{urls['gateway']}/docs",
        "console": f"{urls['scheduler']}/console  (its token: {stack.data_dir / TOKEN_FILE})",
        "metrics": "  ".join(f"{url}/metrics" for url in urls.values()),
        "warehouse": environment["DUCKDB__PATH"],
        "ledger": environment["LEDGER__URL"],
        "Kafka": environment["KAFKA__BROKERS"],
        "S3": f"{environment['S3__ENDPOINT_URL']} bucket {environment['S3__BUCKET']}",
        "Redis": environment["REDIS__URL"],
        "data directory": str(stack.data_dir),
    }
    listed = "\n".join(f"  {name:<16}{value}" for name, value in lines.items())
    return f"everything is ready\n{listed}\nCtrl-C stops it; the data stays."


@dataclass(frozen=True, slots=True)
class Down:
    """What `down` found: whether anything `ran`, and in what way roles `broke` off, by name."""

    ran: bool
    broke: Mapping[str, str] = field(default_factory=dict)


def down(data_dir: Path = Path(".forebay")) -> Down:
    """Stop what runs in this folder, and wait until it is gone.

    Raises:
        Fatal: it does not go away within a minute, not even when it is killed.
    """
    data_dir = data_dir.absolute()
    if holder(data_dir) is None:
        return Down(ran=False)
    for number in (signal.SIGTERM, signal.SIGKILL):
        pid = holder(data_dir)
        if pid is not None:
            os.kill(pid, number)
        if _left(data_dir):
            if number == signal.SIGKILL:
                return Down(ran=True, broke=dict.fromkeys(ROLE_PORTS, "was killed"))
            ends = read_ends(data_dir).items()
            return Down(ran=True, broke={name: f"exit code {code}" for name, code in ends if code})
    raise Fatal(f"Process {holder(data_dir)} holds {data_dir} and does not end.")


def _left(data_dir: Path) -> bool:
    deadline = time.monotonic() + DOWN_SECONDS
    while time.monotonic() < deadline:
        if holder(data_dir) is None:
            return True
        time.sleep(0.1)
    return False


def local_environment(data_dir: Path = Path(".forebay")) -> dict[str, str] | None:
    """The variables that lead to the stack that runs in this folder; None when none does."""
    state = read_state(data_dir.absolute())
    return state.environment if state else None
