"""Fails when a version of Faust, mode or aiokafka changes the code that `faust_private` relies on.

Then: read what changed, compare with the reasons in app/worker/faust_private.py, run the crash
tests many times, and only then write the new hashes here (the failure prints them).
"""

import inspect
from hashlib import sha256
from importlib.metadata import version
from typing import Any

import aiokafka.client as client
import aiokafka.consumer.fetcher as fetcher
import aiokafka.consumer.group_coordinator as coordinator
import faust.app.base as app
import faust.tables.manager as tables
import faust.tables.recovery as recovery
import faust.transport.conductor as conductor
import faust.transport.consumer as consumer
import faust.transport.drivers.aiokafka as driver
import mode.services
import mode.threads
from faust.types import TP

from tests.worker.kinds import event
from tests.worker.world import World

VERSIONS = {"faust-streaming": "0.15.3", "aiokafka": "0.14.0"}
RELIED_ON = [
    app.App._on_partitions_assigned,
    app.App._on_partitions_revoked,
    app.App._stop_consumer,
    app.App.on_rebalance_end,
    conductor.ConductorCompiler.build,
    consumer.Consumer._drain_messages,
    consumer.Consumer._wait_next_records,
    consumer.Consumer.getmany,
    consumer.Consumer.on_buffer_drop,
    consumer.Consumer.on_buffer_full,
    consumer.Consumer.on_stop,
    consumer.Consumer.pause_partitions,
    consumer.Consumer.resume_partitions,
    consumer.Consumer.commit,
    driver.AIOKafkaConsumerThread._create_worker_consumer,
    driver.AIOKafkaConsumerThread._fetch_records,
    driver.AIOKafkaConsumerThread._seek_wait,
    driver.Consumer._new_consumer_thread,
    driver.Consumer._to_message,
    fetcher.FetchResult._update_position,
    fetcher.FetchResult.getall,
    fetcher.Fetcher._proc_fetch_request,
    fetcher.Fetcher.fetched_records,
    fetcher.PartitionRecords._consumer_record,
    fetcher.PartitionRecords._unpack_records,
    client.AIOKafkaClient.force_metadata_update,
    coordinator.BaseCoordinator._handle_metadata_update,
    coordinator.GroupCoordinator.need_rejoin,
    coordinator.GroupCoordinator.request_rejoin,
    mode.services.Service.wait_first,
    mode.threads.QueueServiceThread.call_thread,
    recovery.Recovery._restart_recovery,
    recovery.Recovery._resume_streams,
    recovery.Recovery._slurp_changelogs,
    recovery.Recovery.on_recovery_completed,
    tables.TableManager.on_rebalance,
    tables.TableManager.on_start,
]
SOURCES: dict[str, str] = {
    "App._on_partitions_assigned": "de932b7927db85b3",
    "App._on_partitions_revoked": "d5c895bbe57dc73a",
    "App._stop_consumer": "55854a5de12c3f52",
    "App.on_rebalance_end": "b7ff69e1e3772f30",
    "ConductorCompiler.build": "837cf521368c1ee4",
    "Consumer._drain_messages": "44a2500309e83c63",
    "Consumer._wait_next_records": "6218e1969a636b3f",
    "Consumer.getmany": "4b168d84882a70d6",
    "Consumer.on_buffer_drop": "4b57e8a418d5ad9c",
    "Consumer.on_buffer_full": "c8961679e0bcdce5",
    "Consumer.on_stop": "45b1d2210ce2b526",
    "Consumer.pause_partitions": "27a1c94bdacd54de",
    "Consumer.resume_partitions": "afe6b7c02a41d63c",
    "Consumer.commit": "a354437baaa08bf8",
    "AIOKafkaConsumerThread._create_worker_consumer": "c2701bfc3e6f6cad",
    "AIOKafkaConsumerThread._fetch_records": "39a2c6c79fc1455a",
    "AIOKafkaConsumerThread._seek_wait": "9d221e816d940467",
    "Consumer._new_consumer_thread": "0870ec53dea75083",
    "Consumer._to_message": "7c24f6511b2fcef7",
    "FetchResult._update_position": "83fb1473bf10027b",
    "FetchResult.getall": "3e717e30de5068d5",
    "Fetcher._proc_fetch_request": "59bf948fff47eed5",
    "Fetcher.fetched_records": "be4348896b9b66af",
    "PartitionRecords._consumer_record": "e668541600b047ab",
    "PartitionRecords._unpack_records": "b803e6d46480732c",
    "AIOKafkaClient.force_metadata_update": "cb7befef21c8f3f9",
    "BaseCoordinator._handle_metadata_update": "b2832b6d82bea7c4",
    "GroupCoordinator.need_rejoin": "61ae72b2a3110943",
    "GroupCoordinator.request_rejoin": "f70a261c91c38cb5",
    "Service.wait_first": "feade6a31f8a6789",
    "QueueServiceThread.call_thread": "479edda75b54734b",
    "Recovery._restart_recovery": "6bd8a8558a2dffe4",
    "Recovery._resume_streams": "d986a6710c1aca98",
    "Recovery._slurp_changelogs": "7825c7e50f766d5a",
    "Recovery.on_recovery_completed": "6ef567acf072e46d",
    "TableManager.on_rebalance": "2d2c23a07bf54328",
    "TableManager.on_start": "365dd25fbc0e0684",
}


def source_hash(one: Any) -> str:
    function = inspect.unwrap(getattr(one, "fun", one))  # `fun`: of a mode.ServiceTask
    return sha256(inspect.getsource(function).encode()).hexdigest()[:16]


def name(one: Any) -> str:
    return str(inspect.unwrap(getattr(one, "fun", one)).__qualname__)


def test_the_code_that_faust_private_relies_on_is_the_code_that_was_checked() -> None:
    assert {name(one): source_hash(one) for one in RELIED_ON} == SOURCES


def test_the_versions_are_those_that_were_checked() -> None:
    assert {package: version(package) for package in VERSIONS} == VERSIONS


async def test_a_paused_partition_is_not_read_again_when_its_queue_has_room(world: World) -> None:
    async with world.worker() as running:
        reading, paused = TP(world.kind.topic, 0), TP(world.kind.topic, 1)
        consumer = running._app.consumer
        for tp in (reading, paused):
            consumer.on_buffer_full(tp)
        consumer.pause_partitions([paused])
        for tp in (reading, paused):
            consumer.on_buffer_drop(tp)
        active = consumer._get_active_partitions()
        assert (reading in active, paused in active) == (True, False)


async def test_what_was_handed_on_after_a_seek_back_drops_nothing_of_what_follows(
    world: World,
) -> None:
    """A list from before the seek that is taken late moves Faust's mark beyond what comes."""
    async with world.worker() as running:
        await world.produce(event(n) for n in range(100))
        await world.sealed_to_the_end()
        for partition in range(world.partitions[world.kind.name]):
            running._app.consumer._read_offset[TP(world.kind.topic, partition)] = 1_000
        await world.produce(event(n) for n in range(100, 200))
        await world.sealed_to_the_end()
    assert (await world.each_once())["staged"] == 200
