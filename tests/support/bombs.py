"""Answers that are a thousand times larger when they are unpacked."""

from __future__ import annotations

import functools
import struct
import zlib

MIB = 1 << 20
HEAD = bytes((0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF))
"""Of a gzip file without a name and without a date."""


@functools.cache
def bomb(size: int) -> bytes:
    """Return a gzip text of `size` zeros, in bytes.

    A mebibyte is packed once, and its block is repeated: packing a gibibyte takes seconds.
    """
    count, rest = divmod(size, MIB)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)  # a block that refers to none before it
    last = packer.compress(bytes(rest)) + packer.flush()
    check = 0
    for part in (*[bytes(MIB)] * count, bytes(rest)):
        check = zlib.crc32(part, check)
    return b"".join((HEAD, block * count, last, struct.pack("<II", check, size % 2**32)))
