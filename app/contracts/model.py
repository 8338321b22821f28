"""What a topics/*.yaml file may say. The descriptions become the reference and the schema."""

from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, model_validator

from app.contracts.fields import NAME, Described, ListField, ObjectField, Strict, Unknown
from app.contracts.fields import Field as EventField
from app.contracts.paths import dotted
from app.contracts.table import LINEAGE, RUN, Column, Table
from app.contracts.topic_spec import TopicSpec
from app.core.errors import Reason
from app.core.pii import HASH_LENGTH
from app.core.schedule import Cron, Every, Schedule
from app.core.transforms import Columns, Explode, Landing, Transform
from app.core.versions import topic_name

SIZES = {"small": 2, "medium": 6, "large": 24}  # partitions
UNITS = {"s": 1, "m": 60, "h": 3600}  # seconds
DURATION = r"^[1-9][0-9]{0,2}[smh]$"
SCHEMA = r"^[A-Z][A-Z0-9_]{0,127}$"
EXTRA = "_extra"
TABLE = r"^[A-Z][A-Z0-9_]{0,127}\.[A-Z][A-Z0-9_]{0,127}$"


def duration(text: str) -> timedelta:
    """The span that `30s`, `15m` or `1h` names."""
    return timedelta(seconds=int(text[:-1]) * UNITS[text[-1]])


class Owners(Strict):
    """Whom to ask."""

    team: str = Field(min_length=1, description="Who answers for the events.")
    chat: str = Field(min_length=1, description='The team\'s channel, such as "#checkout-data".')


class Kafka(Strict):
    """The topic of the event."""

    key: str = Field(description="Field whose value decides the partition, so keeps its order.")
    size: Literal["small", "medium", "large"] = Field(
        "small",
        description="Partitions: " + ", ".join(f"{name} {n}" for name, n in SIZES.items()),
    )
    retention_days: int = Field(7, ge=1, le=365, description="How long Kafka keeps an event.")
    max_event_bytes: int = Field(262_144, ge=1_024, le=1_000_000, description="As sent.")


class Dedupe(Strict):
    """Which two events are the same one, and which of them stands."""

    by: tuple[str, ...] = Field(
        min_length=1, description="Columns that together name an event: the composite key."
    )
    keep: Literal["first", "last"] = Field(
        "first", description="first: later copies change nothing. last: the newest copy stands."
    )
    remember_days: int = Field(
        3, ge=1, le=90, description="How long a worker knows a key, at least."
    )


class Day(Strict):
    """Which calendar day, so which part of the table, an event belongs to."""

    source: str = Field(alias="from", description="A timestamp field.")
    timezone: str = Field("UTC", description="Whose calendar, such as America/New_York.")
    late_days: Annotated[int, Field(ge=0, le=3_650)] | Literal["any"] = Field(
        3, description="Received later than this: dead letter too_late. any: never too late."
    )
    early_minutes: int = Field(
        60, ge=0, le=10_080, description="Received so long before it happened: too_early."
    )
    runs: bool = Field(
        False,
        description="A day is sent whole, as often as it is computed, in a run that is opened by "
        "POST /v1/runs and closed with its number of rows. The table shows the last complete run "
        "of a day; an event outside of a run is rejected.",
    )


class Warehouse(Strict):
    """The table."""

    table: str = Field(
        pattern=TABLE,
        description="SCHEMA.TABLE. Where _app.yaml says a schema: left out, it is SCHEMA.EVENT.",
    )
    cluster_by: tuple[str, ...] = Field(
        (), description="Columns that queries filter by, beside the day."
    )
    retention_days: int | None = Field(
        None, ge=1, description="Older rows may be deleted; left out: they are kept."
    )


def _is_cron(text: str) -> str:
    Cron(text)
    return text


class Load(Strict):
    """How often the table is brought up to date."""

    every: str = Field("15m", pattern=DURATION, description="Such as 30s, 15m or 1h.")
    cron: Annotated[str, AfterValidator(_is_cron)] | None = Field(
        None,
        description="Instead of every: minute, hour, day, month, day of the week, such as "
        '"0 6 * * 1-5". A load that nobody was there for is made up for, once.',
    )
    timezone: str | None = Field(
        None, description="Whose clocks cron means, such as Europe/Amsterdam; left out: UTC."
    )

    @model_validator(mode="after")
    def _one_schedule(self) -> Self:
        if self.cron is not None and "every" in self.model_fields_set:
            raise ValueError("say either every or cron")
        if self.timezone is not None and self.cron is None:
            raise ValueError("timezone is for cron, and there is none")
        return self

    @property
    def schedule(self) -> Schedule:
        """When it is due. Raises nothing for a contract that was checked."""
        if self.cron is None:
            return Every(duration(self.every))
        return Cron(self.cron, self.timezone or "UTC")


class Rejection(Strict):
    """Why an example must be rejected."""

    reason: Reason = Field(description="As the API's answer gives it.")
    field: str | None = Field(None, description="Dotted path of the field at fault.")


class Example(Strict):
    """An event and what must become of it; run by `forebay topics check` and by the tests."""

    name: str = Field(min_length=1, description="What it shows; the test's name.")
    given: dict[str, JsonValue] = Field(description="The event as an app sends it.")
    received_at: str | None = Field(
        None, description="When it was received; left out: the moment it happened."
    )
    row: dict[str, JsonValue] | None = Field(None, description="Some of the columns that land.")
    rows: tuple[dict[str, JsonValue], ...] | None = Field(
        None, description="The same of each row, in order, where a list is exploded."
    )
    filtered: Literal[True] | None = Field(None, description="A drop_event leaves it out.")
    rejected: Rejection | None = Field(None, description="Why it does not land.")

    @model_validator(mode="after")
    def _one_outcome(self) -> Self:
        if sum(one is not None for one in (self.row, self.rows, self.filtered, self.rejected)) != 1:
            raise ValueError("say what becomes of it: either row, rows, filtered or rejected")
        return self

    @property
    def lands(self) -> bool:
        """Whether it becomes rows."""
        return self.row is not None or self.rows is not None


class Contract(Strict):
    """One event type: what it holds, who owns it, and where it ends up."""

    event: str = Field(pattern=NAME, max_length=64, description="Its name, and the file's.")
    version: int = Field(ge=1, description="A higher one is a new topic.")
    summary: str = Field(
        min_length=10, description="What happened, in one sentence of 10 characters at least."
    )
    app: str = Field(pattern=NAME, description="The source that sends it.")
    owners: Owners
    fields: dict[Annotated[str, Field(pattern=NAME, max_length=64)], Described] = Field(
        min_length=1, description="What an event holds, by the name of its column."
    )
    unknown: Unknown = Field(
        "reject",
        description="What is done with what no field takes. "
        f"keep: the column {EXTRA} holds it, as JSON; in a list null stands for what was lifted.",
    )
    kafka: Kafka
    dedupe: Dedupe
    day: Day
    transform: tuple[Transform, ...] = Field(
        (), description="Steps between the event as sent and the row."
    )
    warehouse: Warehouse
    load: Load = Load()
    freshness: str | None = Field(
        None,
        pattern=DURATION,
        description="The objective: an event is in the table so long after it was received, and "
        "none of the type stays away for longer. `forebay status` shows who is behind, and why.",
    )
    examples: tuple[Example, ...] = Field(
        min_length=2,
        description="Events and what becomes of them: they run as tests. At least two: one that "
        "lands and one that is rejected.",
    )

    @property
    def topic(self) -> str:
        return topic_name(self.event, self.version)

    @property
    def partitions(self) -> int:
        return SIZES[self.kafka.size]

    @property
    def topic_spec(self) -> TopicSpec:
        """The topic as Kafka is to have it."""
        kept_ms = self.kafka.retention_days * 86_400_000
        return TopicSpec(self.partitions, {"retention.ms": str(kept_ms)})

    @property
    def objective(self) -> timedelta | None:
        """How far the table may be behind what was received; None: nobody has said."""
        return None if self.freshness is None else duration(self.freshness)

    @cached_property
    def sent(self) -> Columns:
        """The fields as columns, before any transform."""
        columns = {n: _landing(field, dotted(field.way(n))) for n, field in self.fields.items()}
        if self.unknown == "keep":
            columns[EXTRA] = Landing("json", True, "What the event said beyond its fields.")
        return columns

    @cached_property
    def landed(self) -> Columns:
        """The event's columns as the table has them: transformed, hashed, without dropped ones."""
        columns = self.sent
        for transform in self.transform:
            columns = transform.columns(columns)
        return {name: _hashed(c) for name, c in columns.items() if c.pii != "drop"}

    @cached_property
    def table(self) -> Table:
        """The warehouse table: `day`, the landed columns, the lineage."""
        day = Column("day", "date", False, f"Day of {self.day.source}, {self.day.timezone} time.")
        landed = [
            Column(name, c.type, c.nullable, c.about, c.max_length, c.precision, c.scale)
            for name, c in self.landed.items()
        ]
        index = self.exploded.index if self.exploded else None
        return Table(
            event=self.event,
            name=self.warehouse.table,
            comment=self.summary,
            columns=(day, *landed, *LINEAGE, *([RUN] if self.day.runs else [])),
            key=(*self.dedupe.by, index) if index else self.dedupe.by,
            keep=self.dedupe.keep,
            cluster_by=self.warehouse.cluster_by,
            index=index,
            runs=self.day.runs,
        )

    @property
    def exploded(self) -> Explode | None:
        """The step that makes several rows of an event, if there is one."""
        return next((step for step in self.transform if isinstance(step, Explode)), None)


def _landing(field: EventField, sent_as: str) -> Landing:
    inner = field.fields if isinstance(field, ObjectField) else {}
    return Landing(
        type=field.type,
        nullable=field.optional,
        about=field.about,
        pii=field.pii or "keep",
        max_length=getattr(field, "max_length", None),
        precision=getattr(field, "precision", None),
        scale=getattr(field, "scale", None),
        items=_landing(field.items, sent_as) if isinstance(field, ListField) else None,
        fields={n: _landing(one, f"{sent_as}.{n}") for n, one in inner.items()} or None,
        one_of=getattr(field, "one_of", None),
        sent_as=sent_as,
    )


def _hashed(column: Landing) -> Landing:
    """The column as it lands, with hashes in place of what is hashed, and nothing dropped."""
    if column.pii == "hash":
        return Landing("string", column.nullable, column.about, "hash", HASH_LENGTH)
    if column.items is not None:
        return replace(column, items=_hashed(column.items))
    if column.fields is not None:
        kept = {name: _hashed(c) for name, c in column.fields.items() if c.pii != "drop"}
        return replace(column, fields=kept)
    return column
