"""An object store and a warehouse in memory: real ones, that can be told to fail.

They pass the same suites as the servers' and are gone with the process.
"""

from sinks.memory.store import MemoryObjectStore
from sinks.memory.warehouse import MemoryWarehouse

__all__ = ["MemoryObjectStore", "MemoryWarehouse"]
