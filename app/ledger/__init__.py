"""The truth about what was consumed and what was loaded: one protocol, two implementations."""
