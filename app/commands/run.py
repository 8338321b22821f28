"""`forebay run`: be the role that ROLE names."""

import asyncio
import importlib.metadata
import os
import sys
import threading
from collections.abc import Callable
from typing import Annotated, NoReturn

import typer
from loguru import logger

from app.core import kill_points
from app.core.errors import ForebayError
from app.logs import flush_logs, set_up_logs
from app.redaction import cause_of
from app.roles import run_role
from app.sentry import set_up_sentry
from app.settings import Role, read_settings, secrets_of


def run(
    role: Annotated[
        Role | None, typer.Option(help="Instead of the environment variable ROLE.")
    ] = None,
) -> None:
    """Be one role: gateway, worker or scheduler, chosen by `ROLE`.

    Runs until SIGTERM, then finishes what was begun within `DRAIN_SECONDS` and exits 0.
    Exits 1 with one sentence when it can not go on; a supervisor starts it again.
    """
    settings = read_settings()
    if role is not None:
        settings = settings.model_copy(update={"role": role})
    name = str(settings.role or "none")
    secrets = secrets_of(settings)
    set_up_logs(settings.log.level, settings.log.format, secrets=secrets, role=name)
    set_up_sentry(
        settings.sentry,
        role=name,
        release=importlib.metadata.version("forebay"),
        environment=settings.environment,
    )
    try:
        if settings.crash_at:
            kill_points.arm(kill_points.killing_at(settings.crash_at))
        with asyncio.Runner(loop_factory=_loop_factory(settings.role)) as runner:
            runner.run(run_role(settings))
    except ForebayError as error:
        logger.bind(job=name, cause=cause_of(error)).error("{}", error)
        _exit(1)
    except Exception as error:
        dying = logger.bind(job=name, cause=cause_of(error)).opt(exception=error)
        dying.critical("a fault of Forebay's: {}", type(error).__name__)
        _exit(1)
    _exit(0)


def _loop_factory(role: Role | None) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The gateway's sockets are most of its cost: by libuv's loop it takes a fifth less CPU time.
    A worker, which reads and writes in large pieces, does not gain by it."""
    if role is not Role.GATEWAY:
        return None
    import uvloop

    return uvloop.new_event_loop


def _exit(code: int) -> NoReturn:
    """End the process, even if a thread waits for a server that does not answer."""
    flush_logs()
    if any(not thread.daemon for thread in set(threading.enumerate()) - {threading.main_thread()}):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
