"""What is said of the topic, of identity and of the day: the parts of a file beside its fields."""

from app.contracts.diff.change import (
    RAISE,
    Change,
    Changes,
    narrower,
    safe,
    told,
    unsafe,
)
from app.contracts.diff.derivation import derivations, steps
from app.contracts.diff.fields import DROP_TO_KEEP, UNKEPT
from app.contracts.model import Contract
from app.core.transforms import Columns, DropEvent, Transform

ELSEWHERE = "copies of events that are in the table already would be new events"
REJECTING = frozenset(
    {
        *("map", "parse_number", "parse_timestamp", "minor_units"),
        *("url_parts", "truncate_ip", "explode"),
    }
)


def version_changes(old: Contract, new: Contract) -> Changes:
    """The version itself."""
    what = f"{old.version} → {new.version}"
    if new.version > old.version:
        yield safe(
            "version",
            what,
            f"{new.topic} begins empty, and nobody reads {old.topic} any more",
            "stop the senders, wait until `forebay audit` shows nothing of it left to be read, "
            "then restart the workers",
        )
    elif new.version < old.version:
        yield unsafe(
            "version", what, "the former topic holds events of another time", "never lower it"
        )


def kafka_changes(old: Contract, new: Contract) -> Changes:
    """The topic: what goes where, and what it takes."""
    before, after = old.kafka, new.kafka
    if before.key != after.key:
        yield narrower(
            "kafka.key",
            f"{before.key} → {after.key}",
            "what belongs together would be in two partitions: no order, and copies of events are "
            "not known there",
        )
    elif old.fields[before.key].default not in (None, new.fields[after.key].default):
        yield narrower(
            "kafka.key",
            f"«{after.key}» has another default",
            "copies of events that do not say it would be in another partition",
        )
    if old.partitions != new.partitions:
        yield narrower(
            "kafka.size",
            f"{before.size} ({old.partitions} partitions) → {after.size} ({new.partitions})",
            "the topic has the former number, and workers refuse to start",
        )
    if before.retention_days != after.retention_days:
        yield safe(
            "kafka.retention_days",
            f"{before.retention_days} → {after.retention_days}",
            "it counts when a topic is made",
            f"for {old.topic}, set retention.ms in Kafka",
        )
    if before.max_event_bytes != after.max_event_bytes:
        what = f"{before.max_event_bytes} → {after.max_event_bytes}"
        fits = after.max_event_bytes > before.max_event_bytes
        yield (safe if fits else narrower)("kafka.max_event_bytes", what)


def identity_changes(old: Contract, new: Contract) -> Changes:
    """Which events are the same: in a worker's memory, and in the table.

    Where the newest copy stands, a worker knows a copy by all of its columns. One that it takes for
    new because there are others now does no harm: the table keeps one row of a key.
    """
    before, after = old.dedupe, new.dedupe
    if before.keep != after.keep:
        yield narrower("dedupe.keep", f"{before.keep} → {after.keep}", ELSEWHERE)
    if before.remember_days != after.remember_days:
        yield safe(
            "dedupe.remember_days",
            f"{before.remember_days} → {after.remember_days}",
            "for workers' tables it counts when they start, for a changelog when it is made",
            "if it is longer, set retention.ms of the workers' changelog in Kafka",
        )
    if old.table.index != new.table.index:
        yield _index_change(old.table.index, new.table.index)
    made_before, made_now = derivations(old), derivations(new)
    index = new.table.index
    if index is not None and made_before.get(index, made_now[index]) != made_now[index]:
        yield unsafe(
            "explode",
            "the rows of an event are made of another list, or in another way",
            "a row that is stored and a new one of the same number are not the same one",
            "make it a new event, with a table of its own",
        )
    if before.by != after.by:
        yield from _key_changes(old, new)
        return
    for name in after.by:
        if made_before[name] != made_now[name]:
            yield narrower(
                f"dedupe.by.{name}",
                f"«{name}» is made in another way",
                ELSEWHERE,
                "leave it as it was, and make a new column; or raise version",
            )


def _index_change(before: str | None, after: str | None) -> Change:
    """What counts the rows of an event is part of the table's key."""
    if after is None:
        why = "all rows of an event that are stored become one when their day is loaded again"
    else:
        why = f"rows that are stored lack «{after}», and a day that has some can not be loaded"
    what = f"{told(before)} → {told(after)} counts the rows of an event"
    return unsafe("explode", what, why, "make it a new event, with a table of its own")


def _key_changes(old: Contract, new: Contract) -> Changes:
    what = f"{told(old.dedupe.by)} → {told(new.dedupe.by)}"
    had = {column.name for column in old.table.columns if not column.nullable}
    lacking = [name for name in new.dedupe.by if name not in had]
    lost = [name for name in old.dedupe.by if name not in new.dedupe.by]
    if lacking:
        yield unsafe(
            "dedupe.by",
            what,
            f"rows that are stored may lack {told(lacking)}, and a day that has such rows can not "
            "be loaded any more",
            "make it a new event, with a table of its own",
        )
    elif lost:
        yield unsafe(
            "dedupe.by",
            what,
            "rows that differ in what is no longer in the key become one when their day is loaded "
            "again",
            "make it a new event, with a table of its own",
        )
    elif set(old.dedupe.by) == set(new.dedupe.by):
        yield narrower("dedupe.by", what, ELSEWHERE, f"keep the order, or {RAISE}")
    else:
        yield narrower("dedupe.by", what, ELSEWHERE)


def day_changes(old: Contract, new: Contract) -> Changes:
    """To which day an event belongs, and how late it may be."""
    before, after = old.day, new.day
    for name, former, now in (
        ("from", before.source, after.source),
        ("timezone", before.timezone, after.timezone),
    ):
        if former != now:
            yield narrower(
                f"day.{name}",
                f"{former} → {now}",
                "events in flight would go to other days; rows that are loaded stay where they are",
                "raise version, and say in the table's summary from when on days mean something "
                "else",
            )
    if before.runs != after.runs:
        yield unsafe(
            "day.runs",
            f"{told(before.runs)} → {told(after.runs)}",
            "rows that were sent outside of a run would be hidden when their day is loaded again"
            if after.runs
            else "the rows of all runs of a day would stand together when it is loaded again",
            "make it a new event, with a table of its own",
        )
    late_before, late_now = before.late_days, after.late_days
    if late_before != late_now:
        wider = late_now == "any" or (late_before != "any" and late_now > late_before)
        yield (safe if wider else narrower)("day.late_days", f"{late_before} → {late_now}")
    if before.early_minutes != after.early_minutes:
        what = f"{before.early_minutes} → {after.early_minutes}"
        wider = after.early_minutes > before.early_minutes
        yield (safe if wider else narrower)("day.early_minutes", what)


def step_changes(old: Contract, new: Contract) -> Changes:
    """Transforms: which columns are made otherwise, and which steps may refuse."""
    before, after = derivations(old, steps_only=True), derivations(new, steps_only=True)
    for name in after:
        if name in before and before[name] != after[name]:
            yield safe(
                f"transform ({name})",
                f"«{name}» is made in another way",
                "rows that are loaded keep what they have, until their day is sent again",
                f"load it into a column of another name if «{name}» must mean one thing",
            )
    known = [derivation for _, _, derivation in steps(old)]
    for index, (step, columns, derivation) in enumerate(steps(new)):
        if derivation in known:
            continue
        if _may_refuse(step, columns):
            yield narrower(
                f"transform.{index}",
                f"{step.do} is new or another one, or reads other values",
                "it may refuse events in flight, which would become dead letters",
            )
        elif isinstance(step, DropEvent):
            yield safe(
                f"transform.{index}",
                "drop_event is new or another one, or reads other values",
                "events in flight that it names are counted as filtered, and do not land",
            )

    left = [derivation for _, _, derivation in steps(new)]
    for index, (step, _, derivation) in enumerate(steps(old)):
        if isinstance(step, DropEvent) and derivation not in left:
            yield safe(
                f"transform.{index} (former)",
                f"drop_event «{step.why}» is gone or another one",
                "events that it left out land from now on",
            )


def _may_refuse(step: Transform, columns: Columns) -> bool:
    if step.do == "lower" or step.do == "upper":  # «ß» becomes «SS», which may be too long
        return columns[step.field].max_length is not None
    total = step.do == "map" and "default" in step.model_fields_set
    return step.do in REJECTING and not total


def _schedules(old: Contract, new: Contract) -> tuple[str, str, str]:
    if old.load.cron is None and new.load.cron is None:
        return "load.every", old.load.every, new.load.every
    return "load", str(old.load.schedule), str(new.load.schedule)


def other_changes(old: Contract, new: Contract) -> Changes:
    """What neither an event nor a row depends on."""
    for where, former, now in (
        ("summary", old.summary, new.summary),
        ("app", old.app, new.app),
        ("owners.team", old.owners.team, new.owners.team),
        ("owners.chat", old.owners.chat, new.owners.chat),
        _schedules(old, new),
    ):
        if former != now:
            yield safe(where, f"{former} → {now}")
    if old.freshness != new.freshness:
        yield safe("freshness", f"{told(old.freshness)} → {told(new.freshness)}")
    before, after = old.warehouse.retention_days, new.warehouse.retention_days
    if before != after:
        why = "older rows may be deleted" if after is not None else ""
        yield safe("warehouse.retention_days", f"{told(before)} → {told(after)}", why)
    if old.unknown != new.unknown:
        what = f"{old.unknown} → {new.unknown}"
        if new.unknown == "reject":
            yield narrower("unknown", what, "events in flight that hold more would be refused")
        elif (old.unknown, new.unknown) == DROP_TO_KEEP:
            yield narrower("unknown", what, UNKEPT)
        else:
            yield safe("unknown", what)
