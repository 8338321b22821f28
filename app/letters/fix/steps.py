"""The steps of a fix, a closed list: those of topic files where an event as sent has what they
need, and a few more. Each is pure, so a letter that is mended twice is the same event twice.

A new step is one options class with `on`, and one line in `FixStep`. `on` changes the event in
place and leaves alone what it can do nothing with: the judge says what is still wrong.
"""

from typing import Annotated

from pydantic import Field

from app.letters.fix.placing import Default, Drop, Rename, Set
from app.letters.fix.texts import Lower, Replace, Trim, Truncate, Upper
from app.letters.fix.values import Cast, FromEpoch, Map, ReadTime

FixStep = Annotated[
    Trim
    | Lower
    | Upper
    | Truncate
    | Replace
    | Map
    | Cast
    | ReadTime
    | FromEpoch
    | Set
    | Default
    | Rename
    | Drop,
    Field(discriminator="do"),
]
