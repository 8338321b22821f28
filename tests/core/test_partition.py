"""Keys go where Java's producers send them."""

import pytest
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st
from murmurhash2 import murmurhash2

from app.core.partition import SEED, partition_of

# From Kafka's own UtilsTest.testMurmur2.
KAFKA_VECTORS = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize(("key", "hashed"), KAFKA_VECTORS.items())
def test_the_hash_is_the_one_of_kafkas_own_test(key: bytes, hashed: int) -> None:
    assert murmurhash2(key, SEED) == hashed % 2**32


@pytest.mark.parametrize(("key", "hashed"), KAFKA_VECTORS.items())
def test_a_negative_hash_is_made_positive_as_java_does(key: bytes, hashed: int) -> None:
    assert partition_of(key, 24) == (hashed & 0x7FFFFFFF) % 24


@given(st.binary(max_size=100), st.integers(1, 200))
def test_a_python_producer_sends_the_key_to_the_same_partition(key: bytes, number: int) -> None:
    partitions = list(range(number))
    assert partition_of(key, number) == DefaultPartitioner()(key, partitions, partitions)
