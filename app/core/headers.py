"""The Kafka headers that Forebay writes and reads."""

RECEIVED_AT = "received-at"
"""When the gateway received the event: milliseconds since 1970 UTC, as ASCII digits."""
