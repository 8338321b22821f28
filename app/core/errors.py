"""Why something did not go through, and what to do next.

One question per class: whose fault is it?

* `Rejected`   the event is wrong: keep it as a dead letter, carry on.
* `Transient`  the world is wrong for now: back off and try again; acknowledge nothing.
* `Fatal`      we are wrong: exit non-zero with one sentence that says what to do.

Third-party exceptions are translated into these at the edge, in one table per adapter.
"""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why an event was rejected: the API's answer, the dead letter and the metric label."""

    NOT_JSON = "not_json"
    UNKNOWN_EVENT = "unknown_event"
    SCHEMA = "schema"
    TOO_LATE = "too_late"
    TOO_EARLY = "too_early"
    TOO_LARGE = "too_large"
    TRANSFORM = "transform"
    RUN = "run"


class ForebayError(Exception):
    """Base of every error raised on purpose."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The verdict on a bad event.

    `field` is the dotted path of the offending field in the event as sent, or None when the
    event as a whole is at fault. `message` is for the sender: it says what would be right and
    never repeats a value.
    """

    reason: Reason
    message: str
    field: str | None = None


class RejectedError(ForebayError):
    """Carries a `Rejected` out of a parser or a transform, to be caught by `judge`."""

    def __init__(self, reason: Reason, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.verdict = Rejected(reason, message, field)


class FilteredError(ForebayError):
    """Carries out of a transform that the contract leaves this event out, to be caught by `judge`.

    The text says why, in the topic file's words.
    """


class Transient(ForebayError):
    """May work later: a broker election, an S3 503, a locked table."""


class Fatal(ForebayError):
    """Will not work until someone changes something. The text says what."""


class Fenced(Fatal):
    """Another owner has taken over: a chain link is taken, or a fence has moved on."""
