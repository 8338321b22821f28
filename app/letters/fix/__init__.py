"""The language of `--fix`: how a dead letter is mended before it is judged again."""
