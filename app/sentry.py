"""Sentry, when a DSN is set: an ERROR log line is an event, a WARNING is a breadcrumb."""

import sys

from app.settings import SentryOptions

FLUSH_SECONDS = 2.0


def set_up_sentry(options: SentryOptions, *, role: str, release: str, environment: str) -> None:
    """Start the client for this process; does nothing without a DSN."""
    dsn = options.dsn.get_secret_value()
    if not dsn:
        return
    import sentry_sdk  # takes memory that a role without a DSN should not spend
    from sentry_sdk.integrations.logging import LoggingIntegration
    from sentry_sdk.integrations.loguru import LoguruIntegration

    sentry_sdk.init(
        dsn=dsn,
        environment=options.environment or environment,
        release=release,
        traces_sample_rate=options.traces_sample_rate,
        send_default_pii=False,
        include_local_variables=False,  # they may hold an event
        auto_enabling_integrations=False,  # they import every library they know of: 70 MB
        disabled_integrations=[LoggingIntegration],  # libraries' lines come through our pipe too
        integrations=[LoguruIntegration()],
    )
    sentry_sdk.set_tag("role", role)


def flush_sentry() -> None:
    """Wait a moment for what is still to be sent."""
    if sentry := sys.modules.get("sentry_sdk"):
        sentry.flush(timeout=FLUSH_SECONDS)
