"""A topic file from a JSON Schema: `read` it, turn it into `shapes`, and put the file together."""
