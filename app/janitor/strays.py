"""Objects and uploads that no seal names.

Workers make them: what a crash left, what was fenced, what was dropped. They belong to nobody, for
only what the ledger names exists. What is removed here must never be named later, so

* the store is asked first and the ledger after it: what is recorded meanwhile is seen as named
* nothing younger than the grace is looked at, and a worker records no seal that is older than half
  of it: of what is unnamed after the grace nothing will ever be named
* ages are taken from the store's own clock on both sides: ours may be wrong by days
* names that no worker of ours made are not looked at: the bucket may hold other people's objects
"""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.core.errors import Fatal
from app.core.seal import seal_of_key
from app.janitor.pile import Check, Kind, Pile
from app.ledger.protocol import Ledger
from sinks.protocol import ObjectStat, ObjectStore, Upload

AT_ONCE = 500
FEW = 20
MOST_IN_HAND = 20_000
"""Strays that are removed before the store is looked at again, so that memory stays flat."""


@dataclass
class Strays:
    """All that was found: `named` old objects have a seal, those on the `pile` have none. `known`
    of them were of seals that are summarised. `in_hand` are the first of them."""

    named: int = 0
    known: int = 0
    pile: Pile = field(default_factory=lambda: Pile(Kind.OBJECTS))
    in_hand: list[ObjectStat] = field(default_factory=list)

    def add(self, stats: Collection[ObjectStat], summed: Collection[str]) -> None:
        """Add strays, of which the seals `summed` are summarised."""
        for stat in stats:
            self.pile.add(stat.key, stat.bytes)
            self.known += _seal(stat) in summed
            if len(self.in_hand) < MOST_IN_HAND:
                self.in_hand.append(stat)

    @property
    def are_most(self) -> bool:
        """Whether the ledger does not look like that of this bucket."""
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
    async for batch in _old(store, before):
        names = await ledger.named({_seal(stat) for stat in batch})
        unnamed = [stat for stat in batch if stat.key not in names]
        strays.named += len(batch) - len(unnamed)
        if unnamed:
            strays.add(unnamed, await ledger.summed({_seal(stat) for stat in unnamed}))
    return strays


async def remove_strays(
    store: ObjectStore, ledger: Ledger, before: datetime, pile: Pile, check: Check, *, most: bool
) -> None:
    """Find strays and remove them, with as many looks as that takes; put them on the `pile`."""
    more = True
    while more:
        strays = await find_strays(store, ledger, before)
        if not most and strays.are_left():
            return
        most = True  # or what is removed now would be missed when the rest is judged
        removed = await _remove(strays.in_hand, store, ledger, check)
        for stat in removed:
            pile.add(stat.key, stat.bytes)
        more = bool(removed) and strays.pile.count > len(strays.in_hand)


async def _remove(
    strays: Sequence[ObjectStat], store: ObjectStore, ledger: Ledger, check: Check
) -> list[ObjectStat]:
    """Remove them, and return those that were: the ledger is asked once more about each."""
    removed = []
    for start in range(0, len(strays), AT_ONCE):
        batch = strays[start : start + AT_ONCE]
        names = await ledger.named({_seal(stat) for stat in batch})
        unnamed = [stat for stat in batch if stat.key not in names]
        check()
        await store.delete([stat.key for stat in unnamed])
        removed += unnamed
    return removed


async def old_uploads(store: ObjectStore, before: datetime) -> list[Upload]:
    """The uploads of ours that were begun before that moment and never finished."""
    return [
        upload
        async for upload in store.uploads()
        if upload.begun < before and seal_of_key(upload.key) is not None
    ]


async def _old(store: ObjectStore, before: datetime) -> AsyncIterator[list[ObjectStat]]:
    batch: list[ObjectStat] = []
    async for stat in store.list(""):
        if stat.modified < before and seal_of_key(stat.key) is not None:
            batch.append(stat)
        if len(batch) == AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _seal(stat: ObjectStat) -> str:
    return seal_of_key(stat.key) or ""
