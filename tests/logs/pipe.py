"""The pipe of all log lines, set up as a role does it, and what came out of it."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from loguru import logger

from app import logs
from app.logs import set_up_logs
from app.redaction import hide


@contextmanager
def piped(*secrets: str, level: str = "DEBUG", **context: str) -> Iterator[None]:
    """JSON lines to stderr meanwhile."""
    handlers = list(logging.getLogger().handlers)
    set_up_logs(level, "json", secrets=secrets, **context)
    try:
        yield
    finally:
        set_up_logs("DEBUG", "text")
        hide(())
        logging.captureWarnings(False)
        logging.getLogger().handlers[:] = handlers
        logger.configure(handlers=[{"sink": sys.stderr}], extra={}, patcher=lambda _: None)
        logs.REQUEST.set(None)


def lines(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What was written since the last call."""
    said = capfd.readouterr().err.splitlines()
    return [orjson.loads(line) for line in said if line.startswith("{")]
