"""Every metric, declared once: help text, unit, kind, and what bounds each label.

METRICS.md, the alert rules and the dashboard are made from these (`forebay metrics`).
A label never holds what a sender can choose: no key, no request id, no name of an unknown type.
"""

from collections.abc import Mapping
from typing import Literal

from prometheus_client import Counter

from app.monitoring import bounds
from app.monitoring.declare import DECLARED, Declared, counter, gauge, histogram

WarningKind = Literal["coerced", "deprecated"]
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
LONG_SECONDS = (0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600)
BYTES = tuple(float(1 << power) for power in range(12, 29, 2))
COUNTS = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)

GATEWAY_REQUESTS = counter(
    "forebay_gateway_requests_total",
    "HTTP requests to the events API.",
    "requests",
    status=bounds.STATUS,
)
GATEWAY_REFUSED = counter(
    "forebay_gateway_refused_total",
    "Requests refused as a whole, by the word in the answer: overloaded, too_much_in_flight, …",
    "requests",
    reason=bounds.REFUSAL,
)
GATEWAY_LIMITED = counter(
    "forebay_gateway_limited_total",
    "Requests refused because their source may send no more now, by the limit: events, bytes.",
    "requests",
    limit=bounds.LIMIT_OF_SOURCE,
)
GATEWAY_LIMITS_ALONE = counter(
    "forebay_gateway_limits_alone_total",
    "Questions to Redis without an answer: this gateway went on counting limits alone.",
    "requests",
)
GATEWAY_OVERLOADED = counter(
    "forebay_gateway_overloaded_total",
    "Requests refused because those of their type arrive faster than they can be served.",
    "requests",
    event=bounds.EVENT_OR_OTHERS,
)
GATEWAY_WAITED_SECONDS = histogram(
    "forebay_gateway_waited_seconds",
    "How long requests waited for their turn; those that need not wait are not counted.",
    "seconds",
    SECONDS,
)
GATEWAY_EVENTS = counter(
    "forebay_gateway_events_total",
    "Events answered, by verdict: accepted, filtered, retry, or the reason of the rejection.",
    "events",
    event=bounds.EVENT_OR_UNKNOWN,
    verdict=bounds.ANSWERED,
)
GATEWAY_WARNED: dict[WarningKind, Counter] = {
    "coerced": counter(
        "forebay_gateway_coerced_total",
        "Values that lenient fields took in another spelling, in accepted events.",
        "values",
        event=bounds.EVENT,
        field=bounds.FIELD,
    ),
    "deprecated": counter(
        "forebay_gateway_deprecated_total",
        "Values of deprecated fields, in accepted events.",
        "values",
        event=bounds.EVENT,
        field=bounds.FIELD,
    ),
}
GATEWAY_IN_FLIGHT = gauge(
    "forebay_gateway_in_flight_bytes",
    "Bytes taken in and not yet acknowledged by Kafka.",
    "bytes",
)
GATEWAY_PUBLISH_SECONDS = histogram(
    "forebay_gateway_publish_seconds",
    "From an event's arrival to Kafka's acknowledgement.",
    "seconds",
    SECONDS,
)

WORKER_EVENTS = counter(
    "forebay_worker_events_total",
    "Records judged, by verdict: staged, duplicate (a hit of the dedupe table), filtered, or the "
    "reason of the dead letter.",
    "records",
    event=bounds.EVENT,
    verdict=bounds.JUDGED,
)
WORKER_WARNED: dict[WarningKind, Counter] = {
    "coerced": counter(
        "forebay_worker_coerced_total",
        "Values that lenient fields took in another spelling, in staged events.",
        "values",
        event=bounds.EVENT,
        field=bounds.FIELD,
    ),
    "deprecated": counter(
        "forebay_worker_deprecated_total",
        "Values of deprecated fields, in staged events.",
        "values",
        event=bounds.EVENT,
        field=bounds.FIELD,
    ),
}
WORKER_SEALS = counter(
    "forebay_worker_seals_total",
    "Seals recorded, by what cut them.",
    "seals",
    event=bounds.EVENT,
    cut_by=bounds.CUT_BY,
)
WORKER_SEAL_SECONDS = histogram(
    "forebay_worker_seal_seconds", "From cutting a seal to its ledger entry.", "seconds", SECONDS
)
WORKER_SEAL_AGE_SECONDS = histogram(
    "forebay_worker_seal_age_seconds",
    "From a seal's first record to its ledger entry.",
    "seconds",
    LONG_SECONDS,
)
WORKER_SEAL_BYTES = histogram(
    "forebay_worker_seal_bytes",
    "Size of a seal: its objects as they are stored.",
    "bytes",
    BYTES,
)
WORKER_SEAL_RECORDS = histogram(
    "forebay_worker_seal_records", "Records of a seal.", "records", COUNTS
)
WORKER_SEALS_NOW = gauge(
    "forebay_worker_unrecorded_seals",
    "Seals that are not in the ledger yet: taking rows (open), or on their way (closing).",
    "seals",
    state=bounds.STATE,
)
WORKER_OLDEST_SEAL_SECONDS = gauge(
    "forebay_worker_oldest_seal_seconds",
    "Age of the oldest open seal; and for how long one has been on its way into the ledger "
    "(closing). 0 where there is none.",
    "seconds",
    state=bounds.STATE,
)
WORKER_HELD_BYTES = gauge(
    "forebay_worker_held_bytes",
    "Memory held by open and closing seals, when it was last looked at.",
    "bytes",
)
WORKER_MEMORY = gauge(
    "forebay_worker_memory_bytes",
    "The one budget of all topics, by part. Counted: writers (rows and parts of open seals), "
    "uploads (the same of closing ones), marks (for the changelog), tables (RocksDB's caches and "
    "memtables). A bound: fetch (what Kafka's answers may take).",
    "bytes",
    part=bounds.MEMORY,
)
WORKER_MEMORY_LIMIT = gauge(
    "forebay_worker_memory_limit_bytes",
    "What the parts of that budget may take: seals (writers, uploads, marks), tables, fetch.",
    "bytes",
    part=bounds.LIMITED,
)
WORKER_MEMORY_WAITS = counter(
    "forebay_worker_memory_wait_seconds_total",
    "Time for which the governor let nothing be read, until a closing seal gave its memory back.",
    "seconds",
)
WORKER_PARTITIONS = gauge(
    "forebay_worker_partitions", "Partitions this worker reads now.", "partitions"
)
WORKER_INCIDENTS = counter(
    "forebay_worker_incidents_total",
    "Entries of the ledger that say what was lost: to retention, or with a deleted topic.",
    "incidents",
    event=bounds.EVENT,
)
PAUSED = gauge(
    "forebay_paused",
    "1: stands still until `forebay resume`, by an operator or the circuit breaker. what: consume, "
    "as each worker sees it, or load, as each scheduler does.",
    "yes or no",
    event=bounds.EVENT,
    what=bounds.ACTIVITY,
)
WORKER_LEFT_BEHIND = gauge(
    "forebay_worker_left_behind_offsets",
    "Never read, in topics that no topic file names: of an older version, or of a removed file.",
    "offsets",
    event=bounds.OLD_EVENT,
)

SCHEDULER_LOADS = counter(
    "forebay_scheduler_loads_total",
    "Runs, by outcome: committed, recorded, nothing_to_do, locked, superseded, failed.",
    "runs",
    event=bounds.EVENT,
    outcome=bounds.OUTCOME,
)
SCHEDULER_LOAD_SECONDS = histogram(
    "forebay_scheduler_load_seconds", "Length of a committed run.", "seconds", LONG_SECONDS
)
SCHEDULER_JOBS = counter(
    "forebay_scheduler_jobs_total",
    "Runs of jobs on a schedule, by outcome: done, failed, skipped.",
    "runs",
    job=bounds.JOB,
    outcome=bounds.JOB_OUTCOME,
)
SCHEDULER_LAST_LOAD_SECONDS = gauge(
    "forebay_scheduler_last_load_seconds",
    "Length of the last committed run of each type.",
    "seconds",
    event=bounds.EVENT,
)
SCHEDULER_ROWS = counter(
    "forebay_scheduler_rows_total",
    "Rows that stood in the replaced days after each committed run.",
    "rows",
    event=bounds.EVENT,
)
SCHEDULER_DIRTY_DAYS = gauge(
    "forebay_scheduler_dirty_days",
    "Days with seals that no load has named.",
    "days",
    event=bounds.EVENT,
)
SCHEDULER_BEHIND_SECONDS = gauge(
    "forebay_scheduler_behind_seconds",
    "Age of the oldest event that was received and is not in the table; 0 where none waits.",
    "seconds",
    event=bounds.EVENT,
)
SCHEDULER_BEHIND = gauge(
    "forebay_scheduler_behind",
    "1 for a type that is behind its objective, and why it is.",
    "yes or no",
    event=bounds.EVENT,
    why=bounds.WHY,
)
SCHEDULER_LAG = gauge(
    "forebay_scheduler_lag_offsets",
    "What Kafka has of each partition and no seal covers, read by a worker or not.",
    "offsets",
    event=bounds.EVENT,
    partition=bounds.PARTITION,
)
SCHEDULER_RESIDUAL = gauge(
    "forebay_scheduler_residual_records",
    "Received − staged − duplicates − dead − filtered, over the ledger's newest seals (2 to 4 "
    "hours): 0, or something is wrong.",
    "records",
    event=bounds.OLD_EVENT,
)
SCHEDULER_DOUBTFUL_SEALS = gauge(
    "forebay_scheduler_doubtful_seals",
    "Seals among those that do not add up: counts, objects, ranges or what the store holds twice.",
    "seals",
    event=bounds.OLD_EVENT,
)
SCHEDULER_LOOK_AGE = gauge(
    "forebay_scheduler_look_age_seconds",
    "Since Kafka and the ledger were last asked successfully how the types are doing.",
    "seconds",
)

ALL: Mapping[str, Declared] = DECLARED
"""Every metric above, by name."""
