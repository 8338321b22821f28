"""The Kafka headers that Forebay writes and reads."""

RECEIVED_AT = "received-at"
"""When the gateway received the event: milliseconds since 1970 UTC, as ASCII digits."""

REJECTED = "rejected"
"""On an event that the gateway rejected and passed on to be kept: the reason."""

REPLAY_OF = "forebay-replay-of"
"""On a dead letter that was sent again: its name, `events.order_placed.v1/3@1200`."""
