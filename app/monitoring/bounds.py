"""What bounds the values of labels: a metric has a series for each of them, for ever."""

from http import HTTPStatus

from app.core.errors import Reason
from app.core.job_run import JobOutcome
from app.core.pause import Activity
from app.monitoring.declare import Bound

EVENT = Bound("the event types of the topic files")
EVENT_OR_UNKNOWN = Bound("the event types of the topic files; `unknown` for all others")
EVENT_OR_OTHERS = Bound("the event types of the topic files; `others` for envelopes and the rest")
OLD_EVENT = Bound("the event types of the topic files, of now or before")
FIELD = Bound("the fields of the topic files")
PARTITION = Bound("numbers of partitions: at most as many as the largest topic has")
STATUS = Bound("HTTP's statuses", tuple(str(status.value) for status in HTTPStatus))
REFUSAL = Bound("the words in the code of the gateway's refusals")
LIMIT_OF_SOURCE = Bound("what a source may send so much of", ("events", "bytes"))
ANSWERED = Bound("the API's answers", ("accepted", "filtered", "retry", "not_allowed", *Reason))
JUDGED = Bound("what becomes of a record", ("staged", "duplicate", "filtered", *Reason))
CUT_BY = Bound("what cuts seals", ("age", "size", "memory", "pause", "revocation", "shutdown"))
ACTIVITY = Bound("what can be paused", tuple(Activity))
JOB = Bound("the jobs in the code of the scheduler", ("janitor",))
JOB_OUTCOME = Bound("of a run of a job", tuple(JobOutcome))
STATE = Bound("of a seal", ("open", "closing"))
MEMORY = Bound("parts of the budget", ("writers", "uploads", "marks", "tables", "fetch"))
LIMITED = Bound("parts of the budget that have a limit", ("seals", "tables", "fetch"))
OUTCOME = Bound(
    "of a run",
    ("committed", "recorded", "nothing_to_do", "locked", "superseded", "failed"),
)
WHY = Bound(
    "the verdicts of `forebay status`",
    ("not arriving", "not consumed", "not sealed", "not loaded"),
)
