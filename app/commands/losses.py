"""Which losses somebody means who names incidents, partitions, topics or events."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from app.core.incarnation import topic_of
from app.core.versions import event_of_partition
from app.ledger.protocol import Acknowledgement, Incident, Ledger


class Losses:
    """What the ledger has, and what an audit remembers, that can be acknowledged."""

    def __init__(
        self,
        chains: Mapping[str, Sequence[str]],
        incidents: Sequence[Incident],
        acknowledged: Collection[str],
        remembered: Collection[str],
    ) -> None:
        """`chains` are partitions by event; `remembered` those whose logs an audit has seen."""
        self._events = chains.keys()
        self._incidents, self._acknowledged = incidents, acknowledged
        self._event_of = {tp: event_of_partition(tp) for tp in remembered}
        self._event_of |= {tp: event for event, tps in chains.items() for tp in tps}

    def named(self, name: str) -> list[str]:
        """An incident, a partition, or all partitions of a topic; empty: there is no such thing."""
        if any(incident.id == name for incident in self._incidents):
            return [name]
        if "/" in name:
            known = name in self._event_of or event_of_partition(name) in self._events
            return [name] if known else []
        return self._in_order(tp for tp in self._event_of if topic_of(tp) == name)

    def all_of(self, event: str) -> list[str]:
        """Its incidents that nobody has acknowledged, and all partitions of its topics."""
        open_ones = [
            incident.id
            for incident in self._incidents
            if incident.event == event and incident.id not in self._acknowledged
        ]
        return open_ones + self._in_order(tp for tp, of in self._event_of.items() if of == event)

    def _in_order(self, tps: Iterable[str]) -> list[str]:
        return sorted(tps, key=lambda tp: (topic_of(tp), int(tp.rpartition("/")[2]), tp))


async def losses_of(ledger: Ledger, remembered: Collection[str]) -> Losses:
    """Ask the ledger."""
    incidents = [incident async for incident in ledger.incidents()]
    return Losses(await ledger.partitions(), incidents, await ledger.acknowledged(), remembered)


def told(kept: Sequence[Acknowledgement]) -> Iterator[str]:
    """What was acknowledged, in a line each, or in one for each topic."""
    if len(kept) <= 3:
        for said in kept:
            yield f"{said.incident}, acknowledged {said.at:%Y-%m-%d %H:%M} UTC: {said.why}"
        return
    counts = Counter(topic_of(s.incident) if "/" in s.incident else "" for s in kept)
    for topic, count in counts.items():
        what = f"of {topic}, partitions" if topic else "incidents"
        yield f"{what} acknowledged: {count:,}"
    yield f"{len(kept):,} in all: {kept[-1].why}"
