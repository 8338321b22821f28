"""Which partition a key belongs to: as Java's producers decide it, so that a retry through HTTP
and one by a Java producer meet."""

from murmurhash2 import murmurhash2

SEED = 0x9747B28C


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key, 0 to `partitions` - 1: `toPositive(murmur2(key)) % partitions`."""
    return (murmurhash2(key, SEED) & 0x7FFFFFFF) % partitions
