"""Is it time to load a table? Judged from what is recorded, so that a restart changes nothing."""

from collections.abc import Collection
from datetime import datetime, timedelta

from app.ledger.protocol import DayLoad, DirtyDay


def is_due(
    dirty: Collection[DirtyDay], loads: Collection[DayLoad], every: timedelta, now: datetime
) -> bool:
    """Say whether the dirty days of a table shall be replaced now.

    They are if the table was never loaded, if its last committed load is `every` ago, or if a
    seal has waited for so long. `now` is aware.

    A load further ahead of `now` than `every` was stamped by a clock that has been set back since:
    it says nothing, or nothing would be loaded until the clock is there again.
    """
    if not dirty:
        return False
    believable = (load.loaded_at for load in loads if load.loaded_at - now <= every)
    last = max(believable, default=None)
    return (
        last is None
        or now - last >= every
        or now - min(day.oldest_sealed_at for day in dirty) >= every
    )
