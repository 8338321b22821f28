"""Every version of an event has a topic of its own; workers read that of the current one only."""

import re

from app.core.incarnation import topic_of

_TOPIC = re.compile(r"events\.([a-z][a-z0-9_]*)\.v[1-9][0-9]*")


def topic_name(event: str, version: int) -> str:
    """Name the topic of one version: `events.order_placed.v2`."""
    return f"events.{event}.v{version}"


def event_of(topic: str) -> str:
    """The event that a topic is of, in whichever version; empty: it is no topic of an event."""
    found = _TOPIC.fullmatch(topic)
    return found[1] if found else ""


def event_of_partition(name: str) -> str:
    """The same of a partition's name, whichever incarnation of the topic it is in."""
    return event_of(topic_of(name)) if name.rpartition("/")[2].isdecimal() else ""
