"""Rules on keys: what keeps order, what makes two events the same, how the load is spread."""

from app.contracts.diff.derivation import derivations
from app.contracts.fields import Field, StringField
from app.contracts.lint.advice import Found, Rule, Subject

# words in names of what is different when an event is sent once more
CHANGING = frozenset({
    "attempt", "attempts", "delivery", "exported", "flushed", "ingested", "processed",
    "received", "retried", "retries", "retry", "synced", "uploaded",
})  # fmt: skip
LONG_TEXT = 200  # characters


def _unique_key(subject: Subject) -> Found:
    key, by = subject.contract.kafka.key, subject.contract.dedupe.by
    if by == (key,) and subject.contract.dedupe.keep == "first":
        yield (
            "kafka.key",
            f"«{key}» is another one in each event, so that no two keep their order; take what "
            "events belong to, such as the order or the customer",
        )


def _few_values(subject: Subject) -> Found:
    contract = subject.contract
    values = _count(subject, contract.kafka.key)
    if values is None or values >= contract.partitions or values == 1:
        return
    yield (
        "kafka.size",
        f"{contract.kafka.size} has {contract.partitions} partitions, and «{contract.kafka.key}» "
        f"only {values} values: the others stay empty; take a key with more values, "
        "or a smaller size",
    )


def _one_partition(subject: Subject) -> Found:
    contract = subject.contract
    if contract.partitions == 1:
        yield "kafka.size", "one partition is read by one worker, however many there are; take two"
    elif _count(subject, contract.kafka.key) == 1:
        yield (
            "kafka.key",
            f"«{contract.kafka.key}» is always the same, so all events go to one partition and to "
            "one worker; take a key with more values",
        )


def _count(subject: Subject, name: str) -> int | None:
    """How many values a field can have; None: who knows."""
    field = subject.contract.fields[name]
    if (one_of := getattr(field, "one_of", None)) is not None:
        return len(one_of)
    low, high = getattr(field, "minimum", None), getattr(field, "maximum", None)
    if field.type == "integer" and low is not None and high is not None:
        return int(high - low + 1)
    return None


def _risky_identity(subject: Subject) -> Found:
    contract = subject.contract
    for index, name in enumerate(contract.dedupe.by):
        where = f"dedupe.by.{index}"
        if CHANGING & set(name.split("_")):
            yield (
                where,
                f"«{name}» looks like something that changes when an event is sent once more: each "
                "copy would be a new event; leave it out",
            )
        field = contract.fields.get(name)
        if field is None:
            continue
        if field.pii == "hash":
            yield (
                where,
                f"«{name}» is hashed: a copy that is sent after a change of the key is a new "
                "event; use an identifier that leads to no person",
            )
        if getattr(field, "lenient", False):
            yield (
                where,
                f"«{name}» is lenient: two ways to write it are one event; make sure that this is "
                "meant, or be strict",
            )
        if _is_long_text(field):
            yield (
                where,
                f"«{name}» is free text, which is edited and has many spellings; use an identifier",
            )


def _upsert_day(subject: Subject) -> Found:
    """A load replaces the days that have news: it would not look for the former copy elsewhere."""
    dedupe, source = subject.contract.dedupe, subject.contract.day.source
    if dedupe.keep == "first":
        return
    made = derivations(subject.contract, steps_only=True)
    if any(made[name] == (source,) for name in dedupe.by):
        return
    yield (
        "day.from",
        f"where the newest copy stands, one with another «{source}» may lie on another day, and "
        f"the former copy stays in the table; add «{source}» to dedupe.by, or take a time that is "
        "the same in each copy, such as when the thing began, and allow it with a comment that "
        "says so",
    )


def _is_long_text(field: Field) -> bool:
    if not isinstance(field, StringField):
        return False
    if field.one_of is not None or field.pattern is not None or field.format is not None:
        return False
    return field.max_length is None or field.max_length > LONG_TEXT


RULES = (
    Rule("key-unique", "A Kafka key that is another one in each event keeps no order.",
         _unique_key),
    Rule("key-few-values", "Partitions that no value of the key leads to stay empty.",
         _few_values),
    Rule("partitions-one", "What goes to one partition can not be shared among workers.",
         _one_partition),
    Rule("dedupe-risky", "What differs between two copies of an event can not tell that they are.",
         _risky_identity),
    Rule("upsert-day", "An event whose newest copy stands must keep its day, or it stands twice.",
         _upsert_day),
)  # fmt: skip
