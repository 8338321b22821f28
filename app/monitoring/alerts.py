"""When somebody is to be told, and what they can do then.

Each expression is PromQL over the metrics of `app.metrics`; a test parses it, and knows every
metric, label and value in it.
"""

from typing import Literal, NamedTuple

Severity = Literal["page", "ticket"]


class Alert(NamedTuple):
    """`page` wakes somebody, `ticket` waits for the morning. `summary` may hold `$labels`; `look`
    is the command, or the place, to look at first."""

    name: str
    expr: str
    lasts: str
    severity: Severity
    summary: str
    look: str


OF_EVENT = "{{ $labels.event }}"

ALERTS = (
    Alert(
        "ForebayGatewayMissing",
        "absent(forebay_gateway_in_flight_bytes)",
        "5m",
        "page",
        "No gateway is running: nothing can be sent.",
        "the gateways' logs, and their /readyz",
    ),
    Alert(
        "ForebayWorkerMissing",
        "absent(forebay_worker_partitions) or sum(forebay_worker_partitions) == 0",
        "10m",
        "page",
        "No worker reads: Kafka keeps the events, for as long as its retention.",
        "the workers' logs, and their /readyz, which name what they wait for",
    ),
    Alert(
        "ForebaySchedulerMissing",
        "absent(forebay_scheduler_look_age_seconds)",
        "10m",
        "page",
        "No scheduler is running: nothing is loaded.",
        "the schedulers' logs, and their /readyz",
    ),
    Alert(
        "ForebayBehind",
        "max by (event, why) (forebay_scheduler_behind) == 1",
        "10m",
        "page",
        f"{OF_EVENT} is behind its objective: {{{{ $labels.why }}}}.",
        f"forebay status --type {OF_EVENT}",
    ),
    Alert(
        "ForebayBlind",
        "min(forebay_scheduler_look_age_seconds) > 900",
        "5m",
        "ticket",
        "No scheduler could ask Kafka and the ledger for a quarter of an hour: nobody knows who "
        "is behind.",
        "the schedulers' logs; forebay status",
    ),
    Alert(
        "ForebayLost",
        "increase(forebay_worker_incidents_total[1h]) > 0",
        "0m",
        "page",
        f"Events of {OF_EVENT} were lost before they were read.",
        "forebay audit, which names them; forebay ledger acknowledge, when it is settled",
    ),
    Alert(
        "ForebayUnbalanced",
        "max by (event) (abs(forebay_scheduler_residual_records)) > 0 "
        "or max by (event) (forebay_scheduler_doubtful_seals) > 0",
        "5m",
        "page",
        f"The ledger's newest seals of {OF_EVENT} do not add up.",
        "forebay audit",
    ),
    Alert(
        "ForebayPaused",
        "max by (event) (forebay_paused) == 1",
        "1m",
        "page",
        f"{OF_EVENT} is paused, by an operator or because too many of its events are rejected.",
        f"forebay status --type {OF_EVENT} says why; forebay resume --type {OF_EVENT} ends it",
    ),
    Alert(
        "ForebayLeftBehind",
        "max by (event) (forebay_worker_left_behind_offsets) > 0",
        "15m",
        "ticket",
        f"A topic of {OF_EVENT} that no topic file names has records that nobody has read.",
        "forebay audit says where they are, and how to read them",
    ),
    Alert(
        "ForebayLoadFails",
        'increase(forebay_scheduler_loads_total{outcome="failed"}[1h]) > 0',
        "0m",
        "ticket",
        f"A load of {OF_EVENT} has failed for good; the next one is tried after a rest.",
        "the schedulers' logs, by its run; forebay days",
    ),
    Alert(
        "ForebaySealStuck",
        'max by (state) (forebay_worker_oldest_seal_seconds{state="closing"}) > 900',
        "5m",
        "page",
        "A seal has been on its way for a quarter of an hour: S3, Kafka or the ledger is away.",
        "the workers' logs, and their /readyz",
    ),
    Alert(
        "ForebayMemoryTight",
        "max(rate(forebay_worker_memory_wait_seconds_total[15m])) > 0.5",
        "15m",
        "ticket",
        "A worker waits for memory half of the time: S3 is slow, or SEAL__MEMORY_BYTES is small.",
        "forebay_worker_memory_bytes, forebay_worker_seal_seconds",
    ),
    Alert(
        "ForebayGatewayBug",
        'sum(increase(forebay_gateway_requests_total{status="500"}[10m])) > 0',
        "0m",
        "page",
        "The gateway answers 500: a fault of its own.",
        "the gateways' logs, by the X-Request-Id of the answer; Sentry",
    ),
    Alert(
        "ForebayGatewayRefuses",
        'sum(rate(forebay_gateway_requests_total{status=~"429|503"}[5m])) '
        "/ sum(rate(forebay_gateway_requests_total[5m])) > 0.05",
        "10m",
        "page",
        "More than 5 % of the requests are refused: too many, or Kafka does not acknowledge.",
        "forebay_gateway_refused_total by reason; the gateways' /readyz",
    ),
    Alert(
        "ForebaySlowKafka",
        "histogram_quantile(0.99, sum by (le) "
        "(rate(forebay_gateway_publish_seconds_bucket[10m]))) > 2.5",
        "15m",
        "ticket",
        "Kafka acknowledges slowly: 1 % of the events wait for more than 2.5 s.",
        "the brokers",
    ),
    Alert(
        "ForebayRejections",
        'sum by (event) (rate(forebay_worker_events_total{verdict!~"staged|duplicate|filtered"}'
        "[30m])) / sum by (event) (rate(forebay_worker_events_total[30m])) > 0.05",
        "30m",
        "ticket",
        f"More than 5 % of the events of {OF_EVENT} become dead letters.",
        f"forebay dead-letters list --type {OF_EVENT}",
    ),
)
