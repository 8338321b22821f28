"""The logs of topics that no topic file names any more, against what was read of them.

No worker reads them, so none records an incident of what they lose: the audit itself remembers what
it found, and since when, until somebody says what was done about it.
"""

from collections.abc import Mapping
from datetime import datetime

from app.audit.chains import is_current, set_log_side
from app.audit.report import AuditReport, Finding, FindingKind, PartitionBalance
from app.audit.scratch import Scratch
from app.core.incarnation import topic_id_of
from app.kafka_logs import LogEnds
from app.ledger.protocol import Acknowledgement

OLD = "No topic file names this topic, so no worker records it or reads on. "
SEND_AGAIN = "They are lost: have their senders send them again, then "
ENDS_OF = "log_ends WHERE tp = ? AND (topic_id = ? OR topic_id = '' OR ? = '')"
Span = tuple[int, int]


class OldLogs:
    """Of one audit. A finding ends when it is acknowledged later than it was first seen as it is;
    then it is a remark."""

    def __init__(
        self,
        acknowledged: Mapping[str, Acknowledgement],
        scratch: Scratch,
        report: AuditReport,
    ) -> None:
        self._acknowledged, self._scratch, self._report = acknowledged, scratch, report

    def compare(self, event: str, seen: PartitionBalance, log: LogEnds | None) -> None:
        """Set the log's side of `seen`; before `remember_end` forgets where it ended."""
        if log is None or seen.ended:
            return
        if not is_current(seen, log):
            self._is_another(event, seen)
            return
        set_log_side(seen, log)
        begun_at = seen.cursor or 0
        if begun_at < log.start:
            self._overtaken(event, seen, log, (begun_at, log.start))
        if begun_at > log.end:
            self._past_end(event, seen, log, (log.end, begun_at))
        self._remember_cut(event, seen, log)

    def tell_cuts(self) -> None:
        """Each log that an audit saw end earlier than one before it, with something unread."""
        cuts = self._scratch.rows(
            "SELECT tp, event, first, next, since FROM log_losses WHERE kind = ? ORDER BY tp",
            FindingKind.LOG_CUT.value,
        )
        for tp, event, first, next, since in list(cuts):
            self._tell(
                FindingKind.LOG_CUT,
                event,
                tp,
                (first, next),
                since,
                f"{tp} {first}–{next - 1}: an audit saw this log end at {next}, a later one "
                f"({datetime.fromisoformat(since):%Y-%m-%d %H:%M} UTC) at {first} or before, and "
                "these offsets were never read: Kafka lost its end, or another topic took its "
                f"name. {OLD}{SEND_AGAIN}",
            )

    def _is_another(self, event: str, seen: PartitionBalance) -> None:
        """What an audit knows to be unread of the topic that is gone, `find_lost_rests` tells."""
        known = self._ends(seen.tp, topic_id_of(seen.topic_id))
        if known and max(known) > (seen.cursor or 0):
            return
        gone = f"{seen.tp}: the topic that was read up to {seen.cursor} was deleted, and another "
        if known:
            self._report.note_once(
                f"{gone}one has its name; it had been read as far as any audit saw it."
            )
            return
        at = seen.cursor or 0
        self._tell(
            FindingKind.TOPIC_REPLACED,
            event,
            seen.tp,
            (at, None),
            self._since(FindingKind.TOPIC_REPLACED, event, seen, "", (at, at)),
            f"{gone}one has its name; no audit knows whether anything of it was unread. {OLD}If "
            "something was, have its senders send it again; then ",
        )

    def _overtaken(self, event: str, seen: PartitionBalance, log: LogEnds, lost: Span) -> None:
        kind = FindingKind.OVERTAKEN
        self._tell(
            kind,
            event,
            seen.tp,
            lost,
            self._since(kind, event, seen, log.topic_id, lost),
            f"{seen.tp} {lost[0]}–{lost[1] - 1}: Kafka's retention removed these offsets before "
            f"a worker read them. {OLD}{SEND_AGAIN}",
        )

    def _past_end(self, event: str, seen: PartitionBalance, log: LogEnds, past: Span) -> None:
        what = f"{seen.tp}: the ledger has read up to {past[1]}, but Kafka's log "
        if log.start == log.end:
            self._report.note_once(
                f"{what}is empty: the topic was made anew, or what was read of it is gone."
            )
            return
        kind = FindingKind.PAST_LOG_END
        self._tell(
            kind,
            event,
            seen.tp,
            past,
            self._since(kind, event, seen, log.topic_id, past),
            f"{what}ends at {past[0]}: Kafka lost its end, or another topic took its name; then "
            f"what is in there now was not read. {OLD}See what it holds, and have senders send "
            "again what is missing; then ",
        )

    def _remember_cut(self, event: str, seen: PartitionBalance, log: LogEnds) -> None:
        first = max(log.end, seen.cursor or 0)
        ends = [end for end in self._ends(seen.tp, log.topic_id) if end > first]
        if ends:
            kind = FindingKind.LOG_CUT
            for was_first, was_next in self._spans(kind, seen.tp, log.topic_id):
                first, ends = min(first, was_first), [*ends, was_next]
            self._since(kind, event, seen, log.topic_id, (first, max(ends)), anew=True)
            self._scratch.change(f"DELETE FROM {ENDS_OF}", seen.tp, log.topic_id, log.topic_id)

    def _tell(
        self,
        kind: FindingKind,
        event: str,
        tp: str,
        span: tuple[int, int | None],
        since: str,
        what: str,
    ) -> None:
        known = self._acknowledged.get(tp)
        if known is not None and known.at > datetime.fromisoformat(since):
            self._report.notes.append(
                f"{what.split(OLD)[0].strip()} Acknowledged {known.at:%Y-%m-%d %H:%M} UTC: "
                f"{known.why}"
            )
            return
        text = f"{what}`forebay ledger acknowledge {tp} --why …`."
        first, next = span
        self._report.found.add(Finding(kind, text, event=event, tp=tp, first=first, next=next))

    def _since(
        self,
        kind: FindingKind,
        event: str,
        seen: PartitionBalance,
        topic_id: str,
        span: Span,
        *,
        anew: bool = False,
    ) -> str:
        """When this was first seen as it is now; not so if it happened `anew`."""
        key = seen.tp, topic_id, kind.value
        found = self._scratch.rows(
            "SELECT since FROM log_losses "
            "WHERE tp = ? AND topic_id = ? AND kind = ? AND first = ? AND next = ?",
            *key,
            *span,
        )
        since = next((str(since) for (since,) in list(found)), "")
        if not since or anew:
            since = self._report.audited_at.isoformat()
            self._scratch.add("log_losses", *key, event, *span, since)
        return since

    def _spans(self, kind: FindingKind, tp: str, topic_id: str) -> list[Span]:
        query = "SELECT first, next FROM log_losses WHERE kind = ? AND tp = ? AND topic_id = ?"
        found = self._scratch.rows(query, kind.value, tp, topic_id)
        return [(first, next) for first, next in found]

    def _ends(self, tp: str, topic_id: str) -> list[int]:
        """Where earlier audits saw this topic's log end."""
        found = self._scratch.rows(f"SELECT end FROM {ENDS_OF}", tp, topic_id, topic_id)
        return [end for (end,) in found]
