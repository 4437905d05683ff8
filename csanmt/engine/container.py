"""The container of ``engine.bin``: header, checksum, named sections.

Its layout is described in ``engine/src/model_file.h``.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from csanmt.engine.layout import FIELDS, Shape

MAGIC = b"\x89CSANMT\n"
FORMAT_VERSION = 1
HEADER_BYTES = 256
CHECKSUM_AT = 24
CHECKSUM_START = 40
ENTRY_BYTES = 64
NAME_BYTES = 48


def write_container(path: Path, shape: Shape, sections: Iterable[tuple[str, NDArray[Any]]]) -> None:
    """Stream the sections, then the table, then fill in the header; the file is synced to disk."""
    entries = []
    with path.open("w+b") as file:
        file.write(bytes(HEADER_BYTES))
        for name, array in sections:
            data = np.ascontiguousarray(array).tobytes()
            entries.append((name.encode("ascii"), file.tell(), len(data)))
            file.write(data + bytes(-len(data) % 64))
        table = file.tell()
        for encoded, offset, size in entries:
            file.write(encoded.ljust(NAME_BYTES, b"\0") + struct.pack("<QQ", offset, size))
        total = file.tell()
        file.seek(0)
        file.write(_header(shape, total, len(entries), table))
        seal(file, total)
        file.flush()
        os.fsync(file.fileno())


def _header(shape: Shape, total: int, count: int, table: int) -> bytes:
    head = MAGIC + struct.pack("<IIQQQ", FORMAT_VERSION, HEADER_BYTES, total, 0, 0)
    fields = struct.pack(f"<{FIELDS}I", *shape.fields())
    return (head + fields + struct.pack("<IIQ", count, 0, table)).ljust(HEADER_BYTES, b"\0")


def seal(file: IO[bytes], total: int) -> None:
    """Compute the checksum of an engine file of ``total`` bytes and write it into its header."""
    found = checksum(file, total)
    file.seek(CHECKSUM_AT)
    file.write(found)


def checksum(file: IO[bytes], total: int) -> bytes:
    """The 16 bytes that belong into the header of an engine file of ``total`` bytes.

    Two 64-bit sums over 32-bit words: Σ w[i] and Σ (n - i) w[i], modulo 2^64, which find every
    error in one or two words; see ``model_file.h``.
    """
    left, plain, weighted = (total - CHECKSUM_START) // 4, 0, 0
    file.seek(CHECKSUM_START)
    while block := file.read(1 << 24):
        words = np.frombuffer(block, "<u4", len(block) // 4).astype(np.uint64)
        places = np.arange(left, left - len(words), -1, dtype=np.uint64)
        plain = (plain + int(words.sum(dtype=np.uint64))) % 2**64
        weighted = (weighted + int((places * words).sum(dtype=np.uint64))) % 2**64
        left -= len(words)
    return struct.pack("<QQ", plain, weighted)


def recorded_checksum(path: Path) -> str:
    """What the header of an engine file says its content's checksum is, as hexadecimal digits."""
    with path.open("rb") as file:
        file.seek(CHECKSUM_AT)
        return file.read(CHECKSUM_START - CHECKSUM_AT).hex()


def actual_checksum(path: Path) -> str:
    """The checksum of an engine file's content as it is now; reads it all."""
    with path.open("rb") as file:
        total = os.fstat(file.fileno()).st_size
        return checksum(file, total).hex() if total > CHECKSUM_START else ""
