"""The chain of each partition: do its entries tile the offsets, from the start to the cursor?"""

from collections.abc import Collection, Mapping

from app.audit.report import MAX_SPANS, Finding, FindingKind, Findings, PartitionBalance
from app.audit.scratch import Scratch, shelf_of
from app.core.incarnation import topic_id_of
from app.core.seal import Range, partition_name
from app.kafka_logs import LogEnds
from app.ledger.protocol import Cursor, EntryKind, Incident, Ledger, Link

LINKS_OF = """
SELECT kind, seal, first, next, records FROM links WHERE tp = ? ORDER BY first, next
"""

Topics = Mapping[str, tuple[str, int]]
"""Event → its topic and how many partitions the contract wants."""


async def read_chain(
    ledger: Ledger,
    event: str,
    tp: str,
    cursor: Cursor | None,
    scratch: Scratch,
    findings: Findings,
    hint: int = 0,
) -> PartitionBalance:
    """Follow one chain along the links that were read of the shelves.

    Where they do not reach the cursor without a finding, walk it in the ledger, from its start:
    what was read shelf by shelf may miss an entry that came late, the chain itself can not.
    `cursor` and `hint` must have been read before the links: the chain may have grown since, but
    it can not have become shorter.
    """
    seen, doubts = PartitionBalance(tp), Findings()
    tiling = _Tiling(event, seen, doubts)
    for kind, seal, *numbers in scratch.rows(LINKS_OF, tp):
        tiling.step(Link(EntryKind(kind), seal, Range(tp, *numbers)))
    if doubts.counts or (cursor is not None and cursor.next > (seen.cursor or 0)):
        seen = await _walk_chain(ledger, event, tp, scratch, findings)
    if cursor is not None and cursor.next > (seen.cursor or 0):
        findings.add(
            Finding(
                FindingKind.CURSOR,
                f"{tp}: the ledger's cursor says {cursor.next}, but its last entry ends at "
                f"{seen.cursor}: the entries between are gone; restore the ledger from its backup.",
                event=event,
                tp=tp,
                first=seen.cursor,
                next=cursor.next,
            )
        )
    else:
        compare_with_earlier(scratch, event, tp, seen.cursor, hint, findings)
    if cursor is not None:
        seen.topic_id, seen.ended = cursor.topic_id, seen.ended or cursor.ended
    return seen


async def _walk_chain(
    ledger: Ledger, event: str, tp: str, scratch: Scratch, findings: Findings
) -> PartitionBalance:
    seen = PartitionBalance(tp)
    tiling = _Tiling(event, seen, findings)
    scratch.change("DELETE FROM links WHERE tp = ?", tp)
    async for link in ledger.chain(tp):
        tiling.step(link)
        r, kind = link.range, link.kind.value
        scratch.add(
            "links", shelf_of(link.id), tp, r.first, r.next, r.records, link.id, event, kind
        )
    return seen


def compare_with_earlier(
    scratch: Scratch, event: str, tp: str, cursor: int | None, hint: int, findings: Findings
) -> None:
    """A chain never becomes shorter: where an earlier audit, or the worker's own hint (a mongo
    ledger has one), saw it end, it ends now or has gone on."""
    earlier = [(end, "an earlier audit saw this chain end")
               for (end,) in scratch.rows("SELECT next FROM ends WHERE tp = ?", tp)]  # fmt: skip
    end, who = max([*earlier, (hint, "the ledger's own hint says that this chain ended")])
    now = cursor or 0
    if end > now:
        findings.add(
            Finding(
                FindingKind.CURSOR,
                f"{tp} {now}–{end - 1}: {who} at {end}, now it ends at {now}: its last entries "
                "were removed. A worker will read these offsets again, if Kafka still has them; or "
                "restore the ledger from its backup.",
                event=event,
                tp=tp,
                first=now,
                next=end,
            )
        )
    elif cursor is not None:
        scratch.change("INSERT OR REPLACE INTO ends VALUES (?, ?, ?)", tp, event, cursor)


def find_lost_chains(scratch: Scratch, there: Collection[str], findings: Findings) -> None:
    """Chains that an audit has seen and the ledger no longer knows."""
    for tp, event in list(scratch.rows("SELECT tp, event FROM ends ORDER BY tp")):
        if tp not in there:
            compare_with_earlier(scratch, event, tp, None, 0, findings)


class _Tiling:
    """Follows one chain, entry by entry."""

    def __init__(self, event: str, seen: PartitionBalance, findings: Findings) -> None:
        self._event, self._seen, self._findings = event, seen, findings

    def step(self, link: Link) -> None:
        seen, span = self._seen, link.range
        seen.entries += 1
        seen.records += span.records
        if link.kind is EntryKind.START:
            seen.chain_start = span.first
            seen.cursor = span.first if seen.cursor is None else max(seen.cursor, span.first)
            return
        if seen.cursor is None:
            self._note(
                FindingKind.CHAIN_START,
                span.first,
                span.next,
                link.id,
                "the chain has no start entry, so nobody can say what came before; restore it "
                "from the ledger's backup.",
            )
            seen.cursor = span.first
        if span.first > seen.cursor:
            self._gap(seen.cursor, span.first, link.id)
        elif span.first < seen.cursor:
            self._overlap(span.first, min(span.next, seen.cursor), link.id)
        if link.kind is EntryKind.INCIDENT:
            seen.incidents.append((span.first, span.next))
            seen.ended = seen.ended or span.next == span.first
        seen.cursor = max(seen.cursor, span.next)

    def _gap(self, first: int, next: int, seal: str) -> None:
        if len(self._seen.gaps) < MAX_SPANS:
            self._seen.gaps.append((first, next))
        self._note(
            FindingKind.GAP,
            first,
            next,
            None,
            f"no entry of the ledger covers {next - first} offsets, which end where {seal} "
            "begins; restore the ledger from its backup, or read these offsets again.",
        )

    def _overlap(self, first: int, next: int, seal: str) -> None:
        if len(self._seen.overlaps) < MAX_SPANS:
            self._seen.overlaps.append((first, next))
        self._note(
            FindingKind.OVERLAP,
            first,
            next,
            seal,
            f"{next - first} offsets are covered twice, the second time by {seal}: its events "
            "were counted twice; one of the two entries must go.",
        )

    def _note(self, kind: FindingKind, first: int, next: int, seal: str | None, text: str) -> None:
        self._findings.add(
            Finding(
                kind,
                f"{self._seen.tp} {first}–{next - 1}: {text}",
                event=self._event,
                tp=self._seen.tp,
                first=first,
                next=next,
                seal=seal,
            )
        )


async def read_incidents(ledger: Ledger, findings: Findings, notes: list[str]) -> None:
    """Each incident is a loss that was written down: a finding, until somebody acknowledges it,
    and a remark with the reason given for ever after."""
    acknowledged = await ledger.acknowledged()
    async for incident in ledger.incidents():
        span, known = incident.range, acknowledged.get(incident.id)
        if known is not None:
            notes.append(
                f"{span.tp} {_lost(incident)}: {incident.what} (incident {incident.id}, seen "
                f"{incident.seen_at:%Y-%m-%d %H:%M} UTC). Acknowledged "
                f"{known.at:%Y-%m-%d %H:%M} UTC: {known.why}"
            )
            continue
        findings.add(
            Finding(
                FindingKind.INCIDENT,
                f"{span.tp} {_lost(incident)}: {incident.what} "
                f"(incident {incident.id}, seen {incident.seen_at:%Y-%m-%d %H:%M} UTC). "
                "These events never reached a worker: have their senders send them again, then "
                f"`forebay ledger acknowledge {incident.id} --why …`.",
                event=incident.event,
                tp=span.tp,
                first=span.first,
                next=span.next,
                seal=incident.id,
            )
        )


def _lost(incident: Incident) -> str:
    span = incident.range
    return f"from {span.first} on" if incident.ends_chain else f"{span.first}–{span.next - 1}"


def is_current(seen: PartitionBalance, log: LogEnds) -> bool:
    """Whether the chain goes on in this log, and not in another topic that had its name."""
    known = seen.topic_id and log.topic_id
    return not seen.ended and not (known and topic_id_of(seen.topic_id) != log.topic_id)


def set_log_side(seen: PartitionBalance, log: LogEnds) -> None:
    """What Kafka has of the partition, and how much of that is still to be read."""
    seen.log_start, seen.log_end = log.start, log.end
    seen.lag = max(0, log.end - (seen.cursor or 0))


def compare_with_log(
    event: str, seen: PartitionBalance, log: LogEnds | None, findings: Findings
) -> None:
    """Set the log's side of `seen`; Kafka must have been asked after the chain was read."""
    if log is None or seen.ended:
        return
    if not is_current(seen, log):
        findings.add(
            Finding(
                FindingKind.TOPIC_REPLACED,
                f"{seen.tp}: the topic that was read up to {seen.cursor} was deleted, and another "
                "one has its name; what was unread of it is lost. The next worker records an "
                "incident and reads the new one from its start.",
                event=event,
                tp=seen.tp,
                first=seen.cursor,
            )
        )
        return
    set_log_side(seen, log)
    begun_at = seen.cursor or 0
    if begun_at > log.end:
        findings.add(
            Finding(
                FindingKind.PAST_LOG_END,
                f"{seen.tp}: the ledger has read up to {begun_at}, but Kafka's log ends at "
                f"{log.end}: Kafka lost its end, or was restored. The next worker records an "
                "incident and reads again what Kafka still has; the load leaves the copies out.",
                event=event,
                tp=seen.tp,
                first=log.end,
                next=begun_at,
            )
        )
    elif begun_at < log.start:
        findings.add(
            Finding(
                FindingKind.OVERTAKEN,
                f"{seen.tp} {begun_at}–{log.start - 1}: Kafka's retention removed these offsets "
                "before a worker read them; they are lost unless their senders send them again. "
                "The next worker records an incident.",
                event=event,
                tp=seen.tp,
                first=begun_at,
                next=log.start,
            )
        )


def check_topic(
    event: str, topic: str, wanted: int, logs: Mapping[str, LogEnds], findings: Findings
) -> None:
    """A topic that exists has as many partitions as its contract says."""
    there = sum(1 for tp in logs if tp.rsplit("/", 1)[0] == topic)
    if there not in (0, wanted):
        findings.add(
            Finding(
                FindingKind.PARTITION_COUNT,
                f"{topic} has {there} partitions in Kafka, the contract says {wanted}: keys have "
                "moved, so copies may no longer meet; give the contract a new version.",
                event=event,
                tp=partition_name(topic, min(there, wanted)),
            )
        )
