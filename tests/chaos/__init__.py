"""Faults at random, seeded, for as long as wanted, and a closing audit: `make chaos`."""
