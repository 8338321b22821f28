"""Jobs as transactions of Sentry's: a request, a seal, a load. Free of charge while it is off."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

on = False
"""Whether any is sampled: `app.sentry` says so."""

_traceparent = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")


def switch(*, to: bool) -> None:
    global on
    on = to


@contextmanager
def job(kind: str, name: str, traceparent: str = "") -> Iterator[None]:
    """One job, as part of its sender's trace if that is known."""
    if not on:
        yield
        return
    import sentry_sdk

    given = _traceparent.fullmatch(traceparent)
    headers = {"sentry-trace": f"{given[1]}-{given[2]}"} if given else {}
    with sentry_sdk.start_transaction(sentry_sdk.continue_trace(headers, op=kind, name=name)):
        yield
