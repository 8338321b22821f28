"""One gzip member, made block by block without a standing compressor."""

import struct
import sys

from isal import isal_zlib

BLOCK_BYTES = 128 << 10
HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
LAST_BLOCK = b"\x03\x00"


class GzipMember:
    """Raw bytes go in, compressed ones collect in `out`.

    A compressor holds 230 KB, and hundreds of small objects are open at once. So, as pigz does,
    each block of raw text gets a compressor of its own that ends on a byte boundary; what it costs
    in size is under 3 % at this block size, and between blocks nothing is held but bytes.
    """

    def __init__(self) -> None:
        self.out = bytearray(HEADER)
        self._raw = bytearray()
        self._crc = 0
        self._raw_bytes = 0

    @property
    def held_bytes(self) -> int:
        return sys.getsizeof(self._raw) + sys.getsizeof(self.out)

    def append(self, raw: bytes | bytearray) -> None:
        self._raw += raw
        if len(self._raw) >= BLOCK_BYTES:
            self._compress()

    def end(self) -> None:
        """Compress the rest and write the trailer; nothing may be appended any more."""
        self._compress()
        self.out += LAST_BLOCK + struct.pack("<II", self._crc, self._raw_bytes & 0xFFFFFFFF)

    def _compress(self) -> None:
        if not self._raw:
            return
        raw, self._raw = self._raw, bytearray()
        compressor = isal_zlib.compressobj(1, isal_zlib.DEFLATED, -15)
        self.out += compressor.compress(raw)
        self.out += compressor.flush(isal_zlib.Z_FULL_FLUSH)
        self._crc = isal_zlib.crc32(raw, self._crc)
        self._raw_bytes += len(raw)
