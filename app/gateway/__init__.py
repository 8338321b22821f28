"""The front door: HTTP in, acknowledged Kafka records out, an honest answer per event."""
