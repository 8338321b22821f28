"""Sentry, when a DSN is set: an error of ours is an event, whatever else is said a breadcrumb.

One event for each job that has finally failed: what is tried again is a warning, and libraries,
which call a lost connection an error, have no events at all. Events are fingerprinted by job and
cause. They hold what log lines may, and nothing else: no local variables, no request, no text of
an exception that may quote an event.
"""

import sys
from typing import TYPE_CHECKING, Any

from app import spans
from app.logs import ERROR, Line, listen
from app.redaction import cause_of, hidden, may_be_said
from app.settings import SentryOptions

if TYPE_CHECKING:
    from sentry_sdk.types import Breadcrumb, Event, Hint

FLUSH_SECONDS = 2.0
HEARD = "asyncio"
"""A library whose errors are ours: exceptions of tasks that nobody has asked."""

TAGS = (
    "job", "worker", "event", "topic", "partition", "offset", "seal", "run", "day", "table",
    "request_id", "trace", "times",
)  # fmt: skip


def set_up_sentry(options: SentryOptions, *, role: str, release: str, environment: str) -> None:
    """Start the client for this process, after `set_up_logs`; does nothing without a DSN."""
    dsn = options.dsn.get_secret_value()
    if not dsn:
        return
    import sentry_sdk  # takes memory that a role without a DSN should not spend
    from sentry_sdk.integrations.argv import ArgvIntegration
    from sentry_sdk.integrations.excepthook import ExcepthookIntegration
    from sentry_sdk.integrations.logging import LoggingIntegration

    sentry_sdk.init(
        dsn=dsn,
        environment=options.environment or environment,
        release=release,
        traces_sample_rate=options.traces_sample_rate,
        profiles_sample_rate=options.profiles_sample_rate,
        include_local_variables=False,  # they may hold an event
        max_request_body_size="never",
        auto_enabling_integrations=False,  # they import every library they know of: 70 MB
        # libraries' lines come through our pipe too, and so does what a role dies of
        disabled_integrations=[LoggingIntegration, ExcepthookIntegration, ArgvIntegration],
        before_send=_bare,
        before_send_transaction=_bare,
        before_breadcrumb=_bare_crumb,
    )
    tag_sentry(role=role)
    spans.switch(to=options.traces_sample_rate > 0)
    listen(_take, flush_sentry)


def tag_sentry(**tags: str) -> None:
    """Have these on every event of this process from now on."""
    if sentry := sys.modules.get("sentry_sdk"):
        for name, value in tags.items():
            sentry.get_global_scope().set_tag(name, value)


def flush_sentry() -> None:
    """Wait a moment for what is still to be sent."""
    if sentry := sys.modules.get("sentry_sdk"):
        sentry.flush(timeout=FLUSH_SECONDS)


def _take(line: Line) -> None:
    import sentry_sdk

    if line.number >= ERROR and line.library in ("", HEARD):
        sentry_sdk.capture_event(_event(line))
    else:
        sentry_sdk.add_breadcrumb(
            type="log", level=line.level.lower(), category=line.library or "forebay",
            message=line.message, data=_tags(line),
        )  # fmt: skip


def _event(line: Line) -> "Event":
    from sentry_sdk import get_client
    from sentry_sdk.utils import event_from_exception

    event: Event = {}
    if line.error is not None:
        event, _ = event_from_exception(line.error, client_options=get_client().options)
    job = str(line.context.get("job", ""))
    cause = str(line.context.get("cause", "")) or (cause_of(line.error) if line.error else "")
    file, number = line.place
    event["level"] = "fatal" if line.number > ERROR else "error"
    event["logentry"] = {"message": line.message, "formatted": line.message}
    event["logger"] = line.library or "forebay"
    event["tags"] = _tags(line)
    event["fingerprint"] = [job, cause] if job else [f"{file.rpartition('/')[2]}:{number}", cause]
    if where := line.context.get("where"):
        event["extra"] = {"where": str(where)}
    return event


def _tags(line: Line) -> dict[str, str]:
    found = {name: line.context[name] for name in TAGS if name in line.context}
    if line.times:
        found["times"] = line.times
    return {name: str(value) for name, value in found.items()}


def _bare(event: "Event", _: "Hint") -> "Event":
    """Without what may hold an event or a secret, whoever has made it."""
    for part in ("request", "user"):
        event.pop(part, None)  # type: ignore[misc]
    for error in event.get("exception", {}).get("values", ()):
        if not may_be_said(error.get("module"), error.get("type", "")):
            error["value"] = ""
        for frame in (error.get("stacktrace") or {}).get("frames", ()):
            frame.pop("vars", None)
    found: Event = _without_secrets(event)
    return found


def _bare_crumb(crumb: "Breadcrumb", _: "Hint") -> "Breadcrumb | None":
    """Of libraries' own crumbs (an HTTP request, a query, a program) nothing is kept."""
    if crumb.get("type") != "log":
        return None
    found: Breadcrumb = _without_secrets(crumb)
    return found


def _without_secrets(part: Any) -> Any:
    match part:
        case str():
            return hidden(part)
        case dict():
            return {name: _without_secrets(value) for name, value in part.items()}
        case list() | tuple():
            return [_without_secrets(value) for value in part]
    return part
