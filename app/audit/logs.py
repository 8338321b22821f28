"""The chains against Kafka's logs: what is still to be read, what can not be read any more."""

from collections.abc import Mapping

from app.audit.chains import Topics, check_topic, compare_with_log, is_current
from app.audit.old_logs import OldLogs
from app.audit.report import AuditReport, Finding, FindingKind, PartitionBalance, TypeBalance
from app.audit.scratch import Scratch
from app.audit.versions import find_lost_rests, find_unread_version, remember_end
from app.core.incarnation import log_name, place_of, topic_of
from app.core.seal import partition_name, topic_and_number
from app.core.versions import event_of
from app.kafka_logs import KafkaLogs, LogEnds
from app.ledger.protocol import Ledger


async def compare_with_kafka(
    ask: KafkaLogs,
    topics: Topics,
    ledger: Ledger,
    kinds: Mapping[str, TypeBalance],
    scratch: Scratch,
    report: AuditReport,
) -> None:
    """Set the logs' side of each partition; the chains must have been read before."""
    known = {topic_of(p.tp): event for event, kind in kinds.items() for p in kind.partitions}
    wanted = {topic for topic, _ in topics.values()}
    logs = await ask(known.keys() | wanted, kinds)
    for event, (topic, partitions) in sorted(topics.items()):
        check_topic(event, topic, partitions, logs, report.found)
    for topic in sorted({topic_of(tp) for tp in logs}):
        _add_unread(kinds[known.get(topic) or event_of(topic)], topic, logs)
    acknowledged = await ledger.acknowledged()
    old = OldLogs(acknowledged, scratch, report)
    for event, kind in sorted(kinds.items()):
        for seen in kind.partitions:
            log = logs.get(place_of(seen.tp))
            if topic_of(seen.tp) in wanted:
                compare_with_log(event, seen, log, report.found)
            else:
                old.compare(event, seen, log)
            if log is not None and is_current(seen, log):
                remember_end(event, seen, log, scratch, report.audited_at)
                if topic_of(seen.tp) not in wanted:
                    find_unread_version(event, seen, topics, report.found)
            if seen.ended:
                report.note_once(
                    f"{_log(seen.tp)}: an earlier topic of this name, which was replaced: what "
                    "the ledger has of it is proved, and what was lost of it is a finding."
                )
            elif log is None:
                _note_missing(event, seen.tp, topic_of(seen.tp) in wanted, report)
    find_lost_rests(kinds, logs, wanted, acknowledged, scratch, report)
    old.tell_cuts()


def _add_unread(kind: TypeBalance, topic: str, logs: Mapping[str, LogEnds]) -> None:
    """Partitions that Kafka has and no worker has begun are in flight, not lost."""
    begun = {place_of(p.tp) for p in kind.partitions}
    read = {
        place_of(p.tp)
        for p in kind.partitions
        if place_of(p.tp) in logs and is_current(p, logs[place_of(p.tp)])
    }
    for tp in sorted((tp for tp in logs if topic_of(tp) == topic), key=topic_and_number):
        if tp not in read:
            log = log_name(topic, logs[tp].topic_id if tp in begun else "")
            kind.partitions.append(PartitionBalance(partition_name(log, topic_and_number(tp)[1])))


def _note_missing(event: str, tp: str, current: bool, report: AuditReport) -> None:
    if current:
        report.found.add(
            Finding(
                FindingKind.TOPIC_MISSING,
                f"{tp}: the ledger has read it, Kafka does not have it; if it was deleted before "
                "it was read to its end, the rest is lost. Give the event a new version.",
                event=event,
                tp=tp,
            )
        )
        return
    report.note_once(
        f"{_log(tp)}: an older version's topic, which Kafka no longer has: what the ledger has of "
        "it is proved, whether it was read to its end is not."
    )


def _log(tp: str) -> str:
    return tp.rsplit("/", 1)[0]
