"""Topics that no topic file names any more: what was never read of them is lost in the end."""

from collections.abc import Collection, Mapping
from datetime import datetime

from app.audit.chains import Topics
from app.audit.report import (
    AuditReport,
    Finding,
    FindingKind,
    Findings,
    PartitionBalance,
    TypeBalance,
)
from app.audit.scratch import Scratch
from app.core.incarnation import place_of, topic_id_of, topic_of
from app.kafka_logs import LogEnds
from app.ledger.protocol import Acknowledgement


def find_unread_version(
    event: str, seen: PartitionBalance, topics: Topics, findings: Findings
) -> None:
    """What Kafka has unread of a topic that no topic file names is a finding: no worker will read
    it."""
    if seen.log_end is None:
        return
    first, topic = max(seen.log_start or 0, seen.cursor or 0), topic_of(seen.tp)
    if first >= seen.log_end:
        return
    now = f"its topic is {topics[event][0]} now" if event in topics else "it has none now"
    findings.add(
        Finding(
            FindingKind.TOPIC_UNREAD,
            f"{seen.tp} {first}–{seen.log_end - 1}: {seen.log_end - first} offsets of {event} "
            f"were never read, and nobody will read them, for no topic file names {topic} ({now}); "
            "when Kafka's retention comes they are lost. Stop the workers, start them with "
            "TOPICS_DIR naming a copy of the topic files in which this event's is the one that "
            f"named {topic}, and all other settings as they are; when an audit with today's files "
            "no longer says this, start them with today's files again. To give these events up, "
            "delete the topic, and acknowledge what the next audit says.",
            event=event,
            tp=seen.tp,
            first=first,
            next=seen.log_end,
        )
    )


def remember_end(
    event: str, seen: PartitionBalance, log: LogEnds, scratch: Scratch, at: datetime
) -> None:
    """Keep where this log ends, for when Kafka does not have it any more."""
    scratch.add("log_ends", seen.tp, log.topic_id, event, log.end, at.isoformat())


def find_lost_rests(
    kinds: Mapping[str, TypeBalance],
    logs: Mapping[str, LogEnds],
    wanted: Collection[str],
    acknowledged: Mapping[str, Acknowledgement],
    scratch: Scratch,
    report: AuditReport,
) -> None:
    """Topics that an audit has seen end beyond what was read of them, and that are gone.

    `wanted` are the current topics. A finding until somebody says, after the topic was seen for
    the last time, what was done about it; then a remark for ever.
    """
    chains = {p.tp: p for kind in kinds.values() for p in kind.partitions}
    ends = scratch.rows("SELECT tp, topic_id, event, end, seen_at FROM log_ends ORDER BY tp")
    for tp, topic_id, event, end, seen_at in list(ends):
        log, seen = logs.get(place_of(tp)), chains.get(tp)
        if log is not None and _same(log.topic_id, topic_id):
            continue
        read = _read_of(seen, topic_id)
        told = read is not None and topic_of(tp) in wanted
        if told or (seen is not None and seen.ended) or end <= (read or 0):
            continue  # told: as a topic that is missing or was replaced
        another = ", another one has its name" if log is not None else ""
        what = (
            f"{tp} {read or 0}–{end - 1}: Kafka does not have the topic any more{another}; an "
            f"audit saw its log end at {end} ({datetime.fromisoformat(seen_at):%Y-%m-%d %H:%M} "
            "UTC), and the ledger does not say that these offsets were read."
        )
        known = acknowledged.get(tp)
        if known is not None and known.at > datetime.fromisoformat(seen_at):
            report.notes.append(f"{what} Acknowledged {known.at:%Y-%m-%d %H:%M} UTC: {known.why}")
            continue
        report.found.add(
            Finding(
                FindingKind.TOPIC_LOST,
                f"{what} They are lost: have their senders send them again, then "
                f"`forebay ledger acknowledge {tp} --why …`.",
                event=event,
                tp=tp,
                first=read or 0,
                next=end,
            )
        )


def _read_of(seen: PartitionBalance | None, topic_id: str) -> int | None:
    """How far the topic of this id was read; None if it was not begun."""
    if seen is None or not _same(topic_id_of(seen.topic_id), topic_id):
        return None
    return seen.cursor


def _same(one: str, other: str) -> bool:
    """Whether these are ids of one topic, as far as they are known."""
    return not one or not other or one == other
