"""Objects and uploads that no seal names.

Workers make them: what a crash left, what was fenced, what was dropped. They belong to nobody, for
only what the ledger names exists. What is removed here must never be named later, so

* the store is asked first and the ledger after it: what is recorded meanwhile is seen as named
* nothing younger than the grace is looked at, and a worker records no seal that is older than half
  of it: of what is unnamed after the grace nothing will ever be named
* ages are taken from the store's own clock on both sides: ours may be wrong by days
* names that no worker of ours made are not looked at: the bucket may hold other people's objects
"""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from datetime import datetime

from app.core.errors import Fatal
from app.core.seal import seal_of_key
from app.janitor.pile import Check, Kind, Pile
from app.ledger.protocol import Ledger
from sinks.protocol import ObjectStat, ObjectStore, Upload

AT_ONCE = 500
"""Old objects of a page: no more are held in memory, however many there are."""
FEW = 20


@dataclass
class Strays:
    """All that was found: `named` old objects have a seal, those on the `pile` have none. `known`
    of them were of seals that are summarised."""

    named: int = 0
    known: int = 0
    pile: Pile = field(default_factory=lambda: Pile(Kind.OBJECTS))

    @property
    def are_most(self) -> bool:
        """Whether the ledger does not look like that of this bucket.

        Of a summarised seal that had dead letters only the ledger keeps no id: its objects count
        as unknown. At worst somebody is asked; the other error would remove what is not ours.
        """
        return self.pile.count - self.known > self.named + self.known

    def are_left(self) -> bool:
        """Whether a few are left for a later sweep: the first crash of a new worker makes some.

        Raises `Fatal` for more: with another bucket's ledger, all that was ever stored would go.
        """
        if not self.are_most:
            return False
        if self.pile.count > FEW:
            raise Fatal(
                f"of {self.named + self.pile.count} objects older than the grace the ledger names "
                f"only {self.named}: none was removed. Is LEDGER__URL the ledger of this bucket? "
                "If it is, and they are to go: `forebay janitor --go --most`"
            )
        return True


async def find_strays(store: ObjectStore, ledger: Ledger, before: datetime) -> Strays:
    """Look at every object of ours that was stored before that moment of the store's clock."""
    strays = Strays()
    async for page in _old(store, before):
        unnamed = await _unnamed(page, ledger)
        strays.named += len(page) - len(unnamed)
        _put(unnamed, strays.pile)
        if unnamed:
            summed = await ledger.summed({_seal(stat) for stat in unnamed})
            strays.known += sum(_seal(stat) in summed for stat in unnamed)
    return strays


async def remove_strays(
    store: ObjectStore, ledger: Ledger, before: datetime, pile: Pile, check: Check, *, most: bool
) -> None:
    """Remove strays and put them on the `pile`: one walk counts and judges all, another removes
    page by page. It asks the ledger again, right before each removal."""
    strays = await find_strays(store, ledger, before)
    if not strays.pile.count or (not most and strays.are_left()):
        return
    async for page in _old(store, before):
        if unnamed := await _unnamed(page, ledger):
            check()
            await store.delete([stat.key for stat in unnamed])
            _put(unnamed, pile)


async def _unnamed(page: Collection[ObjectStat], ledger: Ledger) -> list[ObjectStat]:
    names = await ledger.named({_seal(stat) for stat in page})
    return [stat for stat in page if stat.key not in names]


def _put(stats: Collection[ObjectStat], pile: Pile) -> None:
    for stat in stats:
        pile.add(stat.key, stat.bytes)


async def old_uploads(store: ObjectStore, before: datetime) -> list[Upload]:
    """The uploads of ours that were begun before that moment and never finished."""
    return [
        upload
        async for upload in store.uploads()
        if upload.begun < before and seal_of_key(upload.key) is not None
    ]


async def _old(store: ObjectStore, before: datetime) -> AsyncIterator[list[ObjectStat]]:
    """By ascending key; a page may be removed before the next one, which goes on after its keys."""
    page: list[ObjectStat] = []
    async for stat in store.list(""):
        if stat.modified < before and seal_of_key(stat.key) is not None:
            page.append(stat)
        if len(page) == AT_ONCE:
            yield page
            page = []
    if page:
        yield page


def _seal(stat: ObjectStat) -> str:
    return seal_of_key(stat.key) or ""
