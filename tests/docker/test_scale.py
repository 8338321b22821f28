"""The model of docker/SCALE.md, held against what the bench measured."""

import importlib.util
import json
import sys
from collections.abc import Iterator
from statistics import median
from types import ModuleType
from typing import Any

import pytest

from app.contracts.model import SIZES

from .licences import HOUSE


@pytest.fixture(scope="module")
def scale() -> ModuleType:
    found = importlib.util.spec_from_file_location("scale", HOUSE / "docker/scale.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules["scale"] = module
    found.loader.exec_module(module)
    return module


def samples(bench: str, subject: str) -> Iterator[Any]:
    results = json.loads((HOUSE / "tests/bench/results.json").read_text("utf-8"))
    for part in results.values():
        for line in part["lines"]:
            if (line["bench"], line["subject"]) == (bench, subject):
                yield from line["samples"]


def measured(bench: str, subject: str = "forebay", what: str = "value") -> float:
    return float(median(sample[what] for sample in samples(bench, subject)))


@pytest.mark.parametrize(("name", "bench"), [
    ("GATEWAY_US", "gateway, batches of 100"),
    ("GATEWAY_SINGLE_US", "gateway, single events"),
    ("WORKER_US", "worker, 60 topics × 6 partitions"),
])  # fmt: skip
def test_a_cost_is_what_was_measured_with_a_margin_and_no_guess(
    scale: ModuleType, name: str, bench: str
) -> None:
    assert measured(bench) <= getattr(scale, name) <= 1.5 * measured(bench)


@pytest.mark.parametrize(("name", "bench"), [
    ("GATEWAY_US", "gateway, batches of 100"), ("WORKER_US", "worker, 60 topics × 6 partitions"),
])  # fmt: skip
def test_a_planned_core_is_asked_for_less_than_one_has_done(
    scale: ModuleType, name: str, bench: str
) -> None:
    planned = 1e6 / getattr(scale, name) * scale.BUSY
    assert planned < measured(bench, what="per_second")


def test_keys_are_read_back_no_faster_than_measured(scale: ModuleType) -> None:
    at_most = measured("start, recovery of 10M keys", what="per_second")
    assert 0.5 * at_most < scale.RECOVERY_KEYS <= at_most


def test_a_small_object_is_one_request_and_one_seal_as_in_the_bench(scale: ModuleType) -> None:
    for topics in ("60 topics", "200 topics"):
        requests = measured("growth by topics, S3 requests", topics)
        seals = measured("growth by topics, ledger writes", topics)
        assert requests / seals == pytest.approx(1, abs=0.05)
    small = scale.need(scale.Load(1_000, types=60, partitions=2))
    assert small.requests_day == small.objects_day
    assert measured("small files, ledger writes of those that age and size allow",
                    "60 topics") <= 1  # fmt: skip


def test_large_objects_are_sent_in_parts(scale: ModuleType) -> None:
    large = scale.need(scale.Load(1e6, types=1, partitions=1))
    assert large.requests_day == pytest.approx(4 * large.objects_day)  # begin, two parts, finish


def test_more_of_anything_never_takes_less(scale: ModuleType) -> None:
    few, many = (scale.need(scale.Load(events, partitions=120)) for events in (1e5, 1e6))
    assert all(a <= b for a, b in zip(few, many, strict=True))
    rare = scale.need(scale.Load(1e6, partitions=120, load_minutes=1440))
    assert rare.copied_bytes_day == pytest.approx(1e6 * 600 * 86_400)
    assert many.copied_bytes_day == pytest.approx(48.5 * rare.copied_bytes_day)


def test_the_page_has_the_numbers_of_now_and_names_the_first_limit(scale: ModuleType) -> None:
    text = (HOUSE / "docker/SCALE.md").read_text("utf-8")
    assert scale.renewed(text) == text, "run: python docker/scale.py --write"
    each = 1e6 / scale.WORKER_US * scale.BUSY
    assert f"ends at {max(SIZES.values())}" in text
    assert f"{round(each * max(SIZES.values()), -4):,.0f} events a second" in text
    assert f"{round(each, -2):,.0f} events a second" in text
    million = scale.need(scale.EXAMPLES["1 million/s"])
    assert f"{million.gateways} gateways, {million.workers} workers" in text
    assert f"here {million.ledger_day / 86_400:.0f} are needed" in text
