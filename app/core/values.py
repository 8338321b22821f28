"""Values that both warehouses can hold, and how text names a UUID, a day, an instant."""

from datetime import UTC, date, datetime, tzinfo

MAX_INTEGER = 10**38 - 1  # the warehouses' NUMBER(38,0)
FIRST_YEAR, LAST_YEAR = 1600, 9998  # room for any UTC offset, and the Gregorian calendar only
UUID_PATTERN = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
TIME = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
DATE_PATTERN = f"^{DATE}$"
OFFSET = "(Z|[+-][0-9]{2}:?[0-9]{2})"
TIMESTAMP_PATTERN = f"^{DATE}[T ]{TIME}{OFFSET}$"
LOCAL_PATTERN = f"^{DATE}[T ]{TIME}{OFFSET}?$"


def instant(text: str, local: tzinfo | None = None) -> datetime:
    """Read what `TIMESTAMP_PATTERN` lets through, in UTC; with `local`, also `LOCAL_PATTERN`.

    Raises:
        ValueError: there is no such moment, or it is out of the years.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=local)
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError("year")
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def calendar_day(text: str) -> date:
    """Read what `DATE_PATTERN` lets through. Raises `ValueError`."""
    day = date.fromisoformat(text)
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError("year")
    return day
