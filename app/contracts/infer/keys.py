"""Which fields are likely the partition key, the dedupe key and the day, and why."""

from collections.abc import Iterable, Mapping

from app.contracts.infer.places import Place
from app.contracts.infer.words import EVENT_IDS, EVENT_TIMES, IDS
from app.contracts.naming import words_of
from app.contracts.topic_yaml import Open
from app.contracts.writing import TODO, Noted

KEYS = frozenset({"string", "integer", "uuid", "date"})
ENOUGH = 20  # samples, before being different in all of them says something of a nested value

Places = Mapping[str, Place]


def dedupe_key(event: str, places: Places) -> Noted:
    """The field that tells two events apart, or TODO."""
    fit = [
        name
        for name, place in places.items()
        if place.required and place.type in KEYS - {"date"} and place.seen.all_different
        if _is_id(name) and (len(place.path) == 1 or place.samples >= ENOUGH)
    ]
    own = (f"{event}_id", *EVENT_IDS)
    fit.sort(key=lambda name: (_order(name, own), len(places[name].path)))
    if fit:
        return Noted(fit[0], f"{places[fit[0]].evidence}{_others(fit[1:])}")
    closest = sorted(_keys(places), key=lambda name: -_different(places[name]))[:1]
    told = [f"the closest is {name}, {places[name].evidence}" for name in closest]
    return Noted(TODO, "; ".join(["no field tells every two samples apart", *told]))


def partition_key(places: Places, dedupe: Noted) -> Noted:
    """The field whose events belong together: an id that comes again and again."""
    fit = [name for name in _keys(places) if _is_id(name) and name != dedupe.value]
    again = [name for name in fit if places[name].seen.repeated]
    again.sort(key=lambda name: (-_different(places[name]), len(places[name].path)))
    if again:
        told = f"events of one keep their order; {places[again[0]].evidence}{_others(again[1:])}"
        return Noted(again[0], told)
    if not isinstance(dedupe.value, Open):
        return Noted(dedupe.value, "no id comes twice in the samples; so no order is kept")
    most = sorted(_keys(places), key=lambda name: -_different(places[name]))
    if most:
        return Noted(most[0], f"no id comes twice; {places[most[0]].evidence}")
    return Noted(TODO, "no text or whole number is in every sample")


def day_field(places: Places) -> Noted:
    """The time when it happened: by its name, else the latest of all."""
    times = [name for name, place in places.items() if place.type == "timestamp"]
    fit = [name for name in times if places[name].required]
    if not fit:
        told = [f"{name} is {places[name].evidence}" for name in times[:3]]
        return Noted(TODO, "; ".join(["no time is in every sample", *told]))
    by_name = [name for name in EVENT_TIMES if name in fit]
    if by_name:
        return Noted(by_name[0], f"{places[by_name[0]].evidence}{_others(fit, by_name[0])}")
    latest = max(fit, key=lambda name: (_mean(places[name]), -len(places[name].path)))
    why = "; on average the latest of the times" if len(fit) > 1 else ""
    return Noted(latest, places[latest].evidence + why)


def _keys(places: Places) -> list[str]:
    return [name for name, place in places.items() if place.required and place.type in KEYS]


def _is_id(name: str) -> bool:
    return words_of(name)[-1] in IDS


def _order(name: str, wanted: tuple[str, ...]) -> int:
    return wanted.index(name) if name in wanted else len(wanted)


def _different(place: Place) -> int:
    return len(place.seen.first)


def _mean(place: Place) -> float:
    """The mean of a time, in seconds since 1970."""
    factor = 1_000 if place.spec.get("epoch") == "milliseconds" else 1
    return place.seen.seconds / place.seen.there / factor


def _others(names: Iterable[str], chosen: str = "") -> str:
    others = [name for name in names if name != chosen][:4]
    return f"; or {', '.join(others)}?" if others else ""
