"""A topic that was deleted and created again is another topic of the same name.

Its offsets begin anew, so they mean other records. An *incarnation* is Kafka's id of the topic,
and `<id>+2`, `<id>+3`… where the log of one id went back, because Kafka lost its end. The first
incarnation of a partition has the topic's plain name in the ledger and in the rows; each later one
is told apart by a `~`, which Kafka's own names can not hold.
"""

SHORT = 8
SIGN = "~"
AGAIN = "+"


def log_name(topic: str, incarnation: str) -> str:
    """Name one incarnation of `topic`: `events.order_placed.v1~8f14e45f`; empty: the first."""
    if not incarnation:
        return topic
    topic_id, _, reading = incarnation.partition(AGAIN)
    return f"{topic}{SIGN}{topic_id[:SHORT]}" + (f"{AGAIN}{reading}" if reading else "")


def topic_of(name: str) -> str:
    """Kafka's name of the topic that a log name, or a partition's name, belongs to."""
    return name.rsplit("/", 1)[0].partition(SIGN)[0]


def place_of(name: str) -> str:
    """Kafka's name of a partition: `events.order_placed.v1/3` of `events.order_placed.v1~8f…/3`."""
    return f"{topic_of(name)}/{name.rsplit('/', 1)[1]}"


def short_place(name: str) -> str:
    """What tells a partition apart among those of its topic: `3`, or `~8f14e45f/3`."""
    return name.removeprefix(topic_of(name)).removeprefix("/")


def topic_id_of(incarnation: str) -> str:
    """Kafka's id of the topic."""
    return incarnation.partition(AGAIN)[0]


def gone_back(incarnation: str) -> str:
    """What follows an incarnation whose log went back under the same id."""
    topic_id, _, reading = incarnation.partition(AGAIN)
    return f"{topic_id}{AGAIN}{int(reading or 1) + 1}"
