"""What a fix may say, in Markdown, made of the models that read it: README.md beside this."""

from pathlib import Path

from app.contracts.catalogue.reference import union_told
from app.letters.fix.steps import FixStep

README = Path(__file__).with_name("README.md")
HEAD = """\
# What a fix may say

`forebay dead-letters replay --type EVENT --fix FILE.yaml` mends dead letters before they are judged
again by the topic files of now, at the time they were first received. A fix is a step or a list of
steps, in YAML, also in place of the file's name:

    - {do: trim, field: currency}
    - {do: map, field: country, values: {Germany: DE, Austria: AT}}
    - {do: cast, field: lines.*.cents, as: integer}

The steps go by the event as it was sent, before the topic file's own, in the order of the list.
Those of a name that topic files have do what they do there, in place. A path goes by keys, indexes
of lists, and `*` for each item. What a step can do nothing with stays as it is, and is told by the
judge; the dry run says how many events each step changed. A step knows neither the time nor chance,
so a letter that is mended twice is the same event twice, and lands once.

This page is generated (`python -m app.letters.fix.reference`)."""


def reference() -> str:
    """The page."""
    return "\n\n".join([HEAD, *union_told(FixStep, "do", skip=set())]) + "\n"


if __name__ == "__main__":
    README.write_text(reference(), "utf-8")
