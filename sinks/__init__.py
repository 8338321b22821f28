"""Where events end up: an object store and a warehouse, one protocol each."""
