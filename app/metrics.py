"""Every metric, declared once. Labels are bounded: event types, reasons, closed lists."""

from typing import Literal

from prometheus_client import Counter, Gauge, Histogram

Kind = Literal["coerced", "deprecated"]
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

GATEWAY_REQUESTS = Counter(
    "forebay_gateway_requests_total", "HTTP requests to the events API.", ["status"]
)
GATEWAY_REFUSED = Counter(
    "forebay_gateway_refused_total",
    "Requests refused as a whole, by the word in the answer: overloaded, too_much_in_flight, …",
    ["reason"],
)
GATEWAY_OVERLOADED = Counter(
    "forebay_gateway_overloaded_total",
    "Requests refused because those of their type arrive faster than they can be served.",
    ["event"],
)
GATEWAY_WAITED_SECONDS = Histogram(
    "forebay_gateway_waited_seconds",
    "How long requests waited for their turn; those that need not wait are not counted.",
    buckets=SECONDS,
)
GATEWAY_EVENTS = Counter(
    "forebay_gateway_events_total",
    "Events answered, by verdict: accepted, filtered, retry, or the reason of the rejection.",
    ["event", "verdict"],
)
GATEWAY_WARNED: dict[Kind, Counter] = {
    "coerced": Counter(
        "forebay_gateway_coerced_total",
        "Values that lenient fields took in another spelling, in accepted events.",
        ["event", "field"],
    ),
    "deprecated": Counter(
        "forebay_gateway_deprecated_total",
        "Values of deprecated fields, in accepted events.",
        ["event", "field"],
    ),
}
GATEWAY_IN_FLIGHT = Gauge(
    "forebay_gateway_in_flight_bytes", "Bytes taken in and not yet acknowledged by Kafka."
)
GATEWAY_PUBLISH_SECONDS = Histogram(
    "forebay_gateway_publish_seconds",
    "From an event's arrival to Kafka's acknowledgement.",
    buckets=SECONDS,
)
WORKER_EVENTS = Counter(
    "forebay_worker_events_total",
    "Records judged, by verdict: staged, duplicate, filtered, or the reason of the dead letter.",
    ["event", "verdict"],
)
WORKER_WARNED: dict[Kind, Counter] = {
    "coerced": Counter(
        "forebay_worker_coerced_total",
        "Values that lenient fields took in another spelling, in staged events.",
        ["event", "field"],
    ),
    "deprecated": Counter(
        "forebay_worker_deprecated_total",
        "Values of deprecated fields, in staged events.",
        ["event", "field"],
    ),
}
WORKER_SEALS = Counter("forebay_worker_seals_total", "Seals recorded, by what cut them.",
                       ["event", "cut_by"])  # fmt: skip
WORKER_SEAL_SECONDS = Histogram(
    "forebay_worker_seal_seconds", "From cutting a seal to its ledger entry.", buckets=SECONDS
)
WORKER_HELD_BYTES = Gauge("forebay_worker_held_bytes", "Memory held by open and closing seals.")
WORKER_MEMORY = Gauge(
    "forebay_worker_memory_bytes",
    "The one budget of all topics, by part. Counted: writers (rows and parts of open seals), "
    "uploads (the same of closing ones), marks (for the changelog), tables (RocksDB's caches and "
    "memtables). A bound: fetch (what Kafka's answers may take).",
    ["part"],
)
WORKER_MEMORY_LIMIT = Gauge(
    "forebay_worker_memory_limit_bytes",
    "What the parts of that budget may take: seals (writers, uploads, marks), tables, fetch.",
    ["part"],
)
WORKER_PARTITIONS = Gauge("forebay_worker_partitions", "Partitions this worker reads now.")
WORKER_INCIDENTS = Counter(
    "forebay_worker_incidents_total",
    "Entries of the ledger that say what was lost: to retention, or with a deleted topic.",
    ["event"],
)
WORKER_PAUSED = Gauge(
    "forebay_worker_paused", "1: the circuit breaker has paused this type, until a restart.",
    ["event"],
)  # fmt: skip
WORKER_LEFT_BEHIND = Gauge(
    "forebay_worker_left_behind_offsets",
    "Never read, in topics that no topic file names: of an older version, or of a removed file.",
    ["event"],
)
SCHEDULER_LOADS = Counter(
    "forebay_scheduler_loads_total",
    "Runs, by outcome: committed, recorded, nothing_to_do, locked, superseded, failed.",
    ["event", "outcome"],
)
SCHEDULER_LOAD_SECONDS = Histogram(
    "forebay_scheduler_load_seconds", "Length of a committed run.", buckets=SECONDS
)
SCHEDULER_DIRTY_DAYS = Gauge(
    "forebay_scheduler_dirty_days", "Days with seals that no load has named.", ["event"]
)
