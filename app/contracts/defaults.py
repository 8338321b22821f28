"""`topics/<app>/_app.yaml`: what the types of one app share, said once for all of them.

A type file wins key by key; mappings are merged, and a list replaces a list.
"""

from collections.abc import Iterator, Mapping
from copy import copy
from functools import cache
from typing import Any

from pydantic import Field as Says
from pydantic import create_model
from pydantic.fields import FieldInfo

from app.contracts.fields import Strict
from app.contracts.model import SCHEMA, Contract, Warehouse
from app.core.transforms import zone

FILE = "_app.yaml"
APP = "is «{app}», its folder is {folder}; make them equal"
SHARED = ("app", "owners", "kafka", "dedupe", "day", "load", "freshness", "warehouse", "unknown")


@cache
def app_defaults() -> type[Strict]:
    """The model of an `_app.yaml`: the shared keys of a topic file, each of which may be absent."""
    warehouse = _keys(Warehouse, "cluster_by", "retention_days")
    schema = Says(
        None,
        alias="schema",
        pattern=SCHEMA,
        description="Schema of the tables: an event without warehouse.table gets SCHEMA.EVENT.",
        json_schema_extra=_without_default,
    )
    keys = _keys(Contract, *SHARED) | {
        "warehouse": _absent(
            create_model(
                "WarehouseDefaults",
                __base__=Strict,
                __doc__="Where the tables of the app are.",
                schema_name=(str, schema),
                **warehouse,
            )
        )
    }
    return create_model(
        "AppDefaults", __base__=Strict, __doc__="What the event types of one app share.", **keys
    )


def _keys(model: type[Strict], *names: str) -> dict[str, Any]:
    """The fields of a model as they are, but each may be absent."""
    return {
        name: _optional(model.model_fields[name])
        for name in names or model.model_fields
        if name in model.model_fields
    }


def _optional(field: FieldInfo) -> tuple[Any, Any]:
    kind = field.annotation
    if isinstance(kind, type) and issubclass(kind, Strict):
        partial = create_model(
            f"{kind.__name__}Defaults", __base__=Strict, __doc__=kind.__doc__, **_keys(kind)
        )
        return _absent(partial)
    absent = copy(field)
    if field.is_required():
        absent.default, absent.json_schema_extra = None, _without_default
    return kind, absent


def _absent(model: type[Strict]) -> tuple[Any, Any]:
    return model, Says(None, json_schema_extra=_without_default)


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


def laid_over(defaults: Mapping[str, Any], own: Mapping[str, Any], event: str) -> dict[str, Any]:
    """Lay a type file's content over the defaults; name its table after the `event` where the app
    names a schema and the file no table."""
    merged = _merge(_without_other_schedule(defaults, own), own)
    warehouse, shared = merged.get("warehouse"), defaults.get("warehouse")
    if not (isinstance(warehouse, Mapping) and isinstance(shared, Mapping) and "schema" in shared):
        return merged
    said = own.get("warehouse", {})
    rest = {k: value for k, value in warehouse.items() if k in said or k not in ("schema", "table")}
    return merged | {"warehouse": {"table": f"{shared['schema']}.{event.upper()}", **rest}}


def _without_other_schedule(
    defaults: Mapping[str, Any], own: Mapping[str, Any]
) -> Mapping[str, Any]:
    """A file that says `every` has nothing of the app's `cron`, and the other way round."""
    shared, said = defaults.get("load"), own.get("load")
    if not (isinstance(shared, Mapping) and isinstance(said, Mapping)):
        return defaults
    if "every" in said:
        others = {"cron", "timezone"}
    elif "cron" in said:
        others = {"every"}
    else:
        return defaults
    return {**defaults, "load": {k: v for k, v in shared.items() if k not in others}}


def _merge(defaults: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(defaults)
    for key, value in own.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            value = _merge(below, value)
        merged[key] = value
    return merged


def misfits(folder: str, content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with defaults that have the right form: (path in the file, what)."""
    app, day = content.get("app"), content.get("day")
    if isinstance(app, str) and app != folder:
        yield "app", APP.format(app=app, folder=folder)
    timezone = day.get("timezone") if isinstance(day, Mapping) else None
    if isinstance(timezone, str):
        try:
            zone(timezone)
        except ValueError as error:
            yield "day.timezone", error.args[1]
