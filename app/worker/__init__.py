"""Kafka in, sealed objects out: judge, dedupe, batch, seal."""
