"""How a worker ends that can not go on."""

import os

from loguru import logger

from app.core.errors import Fatal, ForebayError
from app.logs import flush_logs
from app.redaction import told

HUNG_EXIT_CODE = 70


def as_ours(error: BaseException) -> ForebayError:
    """What it died of, in a sentence for the log."""
    if isinstance(error, ForebayError):
        return error
    ours = Fatal(f"the worker died of {told(error)}")
    ours.__cause__ = error
    return ours


def exit_hard() -> None:
    """End the process, whatever it waits for."""
    hung = logger.bind(job="worker", cause="hung")
    hung.error("shutting down hangs; exit {}", HUNG_EXIT_CODE)
    flush_logs()
    os._exit(HUNG_EXIT_CODE)
