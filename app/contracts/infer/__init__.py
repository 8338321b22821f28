"""A topic file from samples: `observe` them, `guess` fields and keys, and `draft` the file."""
