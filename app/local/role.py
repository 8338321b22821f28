"""One of Forebay's own roles as a child process."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from app.local.process import ChildProcess

DRAIN_SECONDS = 25.0  # as in app.settings, which this package may not import
GRACE_SECONDS = 5.0
FOREVER = float("inf")


class LocalRole(ChildProcess):
    """`ROLE=… forebay run` with the variables of a local stack; ready when `/readyz` says so.

    Args:
        role: gateway, worker or scheduler.
        port: of its HTTP server.
        environment: what the stack adds to our own environment.
        start_seconds: a role waits for its servers without end, and so do we if not told else.
    """

    def __init__(
        self,
        role: str,
        port: int,
        environment: Mapping[str, str],
        *,
        log_file: Path,
        start_seconds: float = FOREVER,
    ) -> None:
        self.url = f"http://127.0.0.1:{port}"
        own = {
            "ROLE": role,
            f"{role.upper()}__PORT": str(port),
            "LOG__FORMAT": os.environ.get("LOG__FORMAT") or "text",
            "PYTHONUNBUFFERED": "1",
        }
        drain_seconds = float(os.environ.get("DRAIN_SECONDS") or DRAIN_SECONDS)
        super().__init__(
            role,
            [sys.executable, "-m", "app.cli", "run"],
            log_file=log_file,
            ready=self._answers,
            environment={**environment, **own},
            start_seconds=start_seconds,
            stop_seconds=drain_seconds + GRACE_SECONDS,
        )

    async def _answers(self) -> bool:
        timeout = aiohttp.ClientTimeout(total=5)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as http,
                http.get(f"{self.url}/readyz") as answer,
            ):
                return answer.status == 200
        except aiohttp.ClientError:
            return False
