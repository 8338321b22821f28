"""The local stack: real servers from package registries, as child processes."""
