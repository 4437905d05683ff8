"""Reads a LevelDB table (SSTable): the format of a TensorFlow checkpoint's index file.

Layout: data blocks, a block of handles to them, a 48-byte footer. Keys within a
block share prefixes with their predecessor. Every block carries a checksum.
"""

from __future__ import annotations

import shlex
import struct
import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from csanmt.errors import CheckpointError, EngineUnavailableError

_FOOTER_BYTES = 48
_MAGIC = 0xDB4775248B80FB57
_LONGEST_KEY = 1024  # bytes; a variable's name has about 100
_MASK_DELTA = 0xA282EAD8  # how LevelDB and TensorFlow store a checksum of checksummed data


def read_table(data: bytes, name: str) -> dict[bytes, bytes]:
    """All entries of the table ``data`` in key order.

    Args:
        name: the file, for messages.

    Raises:
        CheckpointError: not a table, or truncated.
        IndexError, ValueError, struct.error: damaged, or compressed.
    """
    footer = data[-_FOOTER_BYTES:]
    if len(footer) < _FOOTER_BYTES or struct.unpack("<Q", footer[-8:])[0] != _MAGIC:
        raise CheckpointError(
            f"{name} is not the index of a TensorFlow V2 checkpoint, or is cut short: "
            "its closing mark is missing; copy the file again"
        )
    _, at = _handle(footer, 0)  # the meta index holds nothing for us
    (offset, size), _ = _handle(footer, at)
    table: dict[bytes, bytes] = {}
    for _, value in _block(data, offset, size):
        (block_offset, block_size), _ = _handle(value, 0)
        table.update(_block(data, block_offset, block_size))
    return table


def _block(data: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    end = offset + size
    (stored,) = struct.unpack_from("<I", data, end + 1)
    if masked_crc32c(data[offset : end + 1]) != stored:
        raise ValueError(f"the checksum of the block at byte {offset} differs")
    if data[end] != 0:
        raise ValueError("a block is compressed, as TensorFlow's Saver writes none")
    contents = data[offset:end]
    (restarts,) = struct.unpack_from("<I", contents, size - 4)
    stop = size - 4 - 4 * restarts
    return _block_entries(contents, stop)


def _block_entries(contents: bytes, stop: int) -> Iterator[tuple[bytes, bytes]]:
    at, key = 0, b""
    while at < stop:
        shared, at = varint(contents, at)
        fresh, at = varint(contents, at)
        length, at = varint(contents, at)
        if shared + fresh > _LONGEST_KEY:  # a small file could unfold to gigabytes
            raise ValueError(f"a variable's name has {shared + fresh} bytes")
        key = key[:shared] + contents[at : at + fresh]
        at += fresh
        if at + length > stop:
            raise ValueError("an entry reaches beyond its block")
        yield key, contents[at : at + length]
        at += length


def masked_crc32c(data: bytes | NDArray[np.uint8]) -> int:
    """CRC-32C (Castagnoli) as LevelDB tables and TensorFlow bundles store it.

    Raises:
        EngineUnavailableError: the package that computes it is not installed.
    """
    try:
        import google_crc32c
    except ImportError as error:
        raise EngineUnavailableError(
            "checksums of a TensorFlow checkpoint need the package google-crc32c: "
            f"{shlex.quote(sys.executable)} -m pip install google-crc32c"
        ) from error
    crc = int(google_crc32c.value(data))
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def _handle(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    offset, at = varint(data, at)
    size, at = varint(data, at)
    return (offset, size), at


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A base-128 number at ``at`` and the offset behind it."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number is longer than 64 bits")
