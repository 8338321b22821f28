"""The dead letters that seals name, streamed from the bucket: one object at a time, flat memory."""

import re
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import date

from app.core.errors import Fatal
from app.core.seal import ObjectKind, Seal, StoredObject
from app.ledger.protocol import Ledger
from app.letters.letter import Letter, Name, read_letter
from sinks.protocol import ObjectStore
from sinks.unpacked import Damaged, stored_lines


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which dead letters are meant; None: whatever it is. Days are UTC days of their receipt."""

    event: str | None = None
    reason: str | None = None
    field: str | None = None
    first: date | None = None
    last: date | None = None
    names: Collection[Name] | None = None

    def day(self, day: date) -> bool:
        """Whether letters of this day may be meant."""
        return (self.first or day) <= day <= (self.last or day)

    def seal(self, seal: Seal) -> bool:
        """Whether letters of this seal may be meant."""
        return self.names is None or any(
            name.tp == r.tp and r.first <= name.offset < r.next
            for name in self.names
            for r in seal.ranges
        )

    def letter(self, letter: Letter) -> bool:
        """Whether this letter is meant, if its day is."""
        return (
            (self.reason is None or letter.reason == self.reason)
            and (self.field is None or self.field in (letter.field, place_of(letter.field)))
            and (self.names is None or letter.name in self.names)
        )


def place_of(field: str | None) -> str | None:
    """A field without the indexes of its items, `lines[].cents`: the same for each of a list."""
    return None if field is None else re.sub(r"\.[0-9]+(?=\.|$)", "[]", field)


async def stored_letters(
    ledger: Ledger, objects: ObjectStore, wanted: Wanted
) -> AsyncIterator[Letter]:
    """Walk the dead letters that are meant, seal by seal.

    Raises:
        Fatal: an object is damaged, or missing. `Transient`: ledger or bucket can not be reached.
    """
    async for seal, stored in dead_objects(ledger, wanted.event):
        if wanted.day(stored.day) and wanted.seal(seal):
            async for letter in letters_in(objects, stored.key):
                if wanted.letter(letter):
                    yield letter


async def dead_objects(
    ledger: Ledger, event: str | None = None
) -> AsyncIterator[tuple[Seal, StoredObject]]:
    """Walk the objects of dead letters with their seals, of one event or of all."""
    async for seal in ledger.seals(event):
        for stored in seal.objects:
            if stored.kind is ObjectKind.DEAD:
                yield seal, stored


async def letters_in(objects: ObjectStore, key: str) -> AsyncIterator[Letter]:
    """Read one object. Raises `Fatal` naming it when it holds anything else."""
    try:
        async for lines in stored_lines(objects.read(key)):
            for line in lines:
                letter = read_letter(line)
                if letter is None:
                    raise Fatal(f"{key} holds a line that is no dead letter")
                yield letter
    except Damaged as damage:
        raise Fatal(f"{key} is damaged, bring it back as it was: {damage}") from damage
