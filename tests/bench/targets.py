"""What the product is to reach, by bench. Of walls, only times to start and to load are judged."""

from tests.bench.model import Target

BATCHES = "gateway, batches of 100"
SINGLE = "gateway, single events"
LATENCY = "gateway, p99 of single events at 70 % of a core"
WORKER_4 = "worker, 4 partitions"
WORKER_360 = "worker, 60 topics × 6 partitions"
LOAD_DUCKDB = "scheduler, a day of 1M rows on DuckDB"
LOAD_LARGE = "scheduler, a day of 10M rows on DuckDB"
LOAD_SNOWFLAKE = "scheduler against Snowflake's stand-in, its own memory"
SMALL_DAY, LARGE_DAY = "a day of 10k rows", "a day of 1M rows"
REQUESTS_ALLOWED = "small files, S3 requests of those that age and size allow"
SEALS_ALLOWED = "small files, ledger writes of those that age and size allow"
OVERLOAD = "overload, p99 of accepted at 3× capacity"
OVERLOAD_REFUSED = "overload, p99 of refused at 3× capacity"
OVERLOAD_GROWTH = "overload, growth of RSS"
OVERLOAD_AFTER = "overload, normal again after"
SPIKE = "spike of one type, p99 of the others"
START_GATEWAY = "start, gateway ready"
START_WORKER = "start, worker ready with 60 topics"
START_RECOVERY = "start, recovery of 10M keys"
START_HELP = "start, forebay --help"
FLAT_KEYS = "flat, different events at 4 partitions"
FLAT_MANY = "flat, 60 topics × 6 partitions × 3 days"
FLAT_IDLE = "flat, 60 idle topics"
FLAT_DAY = "flat, growth in a day of 60 idle topics"
GROWTH_KEYS = "growth by different keys so far"

TARGETS = (
    Target(BATCHES, 20),
    Target(BATCHES, 1 / 4, than="node"),
    Target(BATCHES, 1, than="go"),
    Target(BATCHES, 200, of="rss_mb"),
    Target(SINGLE, 1.15, than="floor"),
    Target(SINGLE, 1 / 1.5, than="node"),
    Target(LATENCY, 50),
    Target(WORKER_4, 20),
    Target(WORKER_4, 1 / 15, than="faust"),
    Target(WORKER_4, 1 / 5, than="quix"),
    Target(WORKER_4, 1 / 10, than="node + redis"),
    Target(WORKER_4, 1.3, than="go"),
    Target(WORKER_4, 200, of="rss_mb"),
    Target(WORKER_360, 25),
    Target(WORKER_360, 200, of="rss_mb"),
    Target(LOAD_DUCKDB, 15),
    Target(LOAD_DUCKDB, 300, of="rss_mb"),
    Target(LOAD_LARGE, 300, of="rss_mb"),
    Target(LOAD_SNOWFLAKE, 200, subject=LARGE_DAY),
    Target(LOAD_SNOWFLAKE, 1.05, than=SMALL_DAY, subject=LARGE_DAY),
    Target(REQUESTS_ALLOWED, 1),
    Target(SEALS_ALLOWED, 1),
    Target(OVERLOAD, 1_000),
    Target(OVERLOAD, 200, of="rss_mb"),
    Target(OVERLOAD_REFUSED, 1_000),
    Target(OVERLOAD_GROWTH, 5),
    Target(OVERLOAD_AFTER, 2),
    Target(SPIKE, 2),
    Target(START_GATEWAY, 1.5),
    Target(START_WORKER, 3),
    Target(START_RECOVERY, 60),
    Target(START_RECOVERY, 200, of="rss_mb"),
    Target(START_HELP, 0.2),
    Target(FLAT_KEYS, 200, of="rss_mb"),
    Target(f"{FLAT_KEYS}, slope", 1),
    Target(FLAT_MANY, 200, of="rss_mb"),
    Target(f"{FLAT_MANY}, slope", 1),
    Target(FLAT_IDLE, 200, of="rss_mb"),
    Target(FLAT_DAY, 10),
)
