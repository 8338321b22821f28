"""The commands behind `forebay …`, one module each."""
