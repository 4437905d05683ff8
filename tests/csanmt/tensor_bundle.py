"""Writes TensorFlow V2 checkpoints: what the reader under test is tried on."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from csanmt.modelscope.checkpoint import masked_crc32c

_NUMBERS = {"float32": 1, "int32": 3, "bfloat16": 14}
_RESTART_EVERY = 16


@dataclass(frozen=True)
class Tensor:
    dtype: str
    shape: tuple[int, ...]
    data: bytes
    sliced: bool = False

    @classmethod
    def array(cls, value: NDArray[np.generic]) -> Tensor:
        return cls(str(value.dtype), value.shape, value.tobytes())

    @classmethod
    def floats(cls, values: list[float]) -> Tensor:
        return cls.array(np.array(values, dtype=np.float32))

    @classmethod
    def of_type(cls, dtype: str, shape: tuple[int, ...], sliced: bool = False) -> Tensor:
        width = 2 if dtype == "bfloat16" else 4
        return cls(dtype, shape, bytes(width * int(np.prod(shape))), sliced)


def write_bundle(prefix: Path, tensors: dict[str, Tensor], shards: int = 1) -> None:
    """``prefix.index`` and its data files, the variables dealt out to the shards in turn."""
    data = [bytearray() for _ in range(shards)]
    entries = [(b"", _number(1, shards) + _bytes(3, _number(1, 1)))]
    for i, name in enumerate(sorted(tensors)):
        tensor, shard = tensors[name], i % shards
        entries.append((name.encode(), _entry(tensor, shard, len(data[shard]))))
        data[shard] += tensor.data
    for shard, content in enumerate(data):
        path = prefix.with_name(f"{prefix.name}.data-{shard:05d}-of-{shards:05d}")
        path.write_bytes(content)
    prefix.with_name(prefix.name + ".index").write_bytes(_table(entries))


def _entry(tensor: Tensor, shard: int, offset: int) -> bytes:
    shape = b"".join(_bytes(2, _number(1, size)) for size in tensor.shape)
    checksum = b"\x35" + struct.pack("<I", masked_crc32c(tensor.data))
    message = _number(1, _NUMBERS[tensor.dtype]) + _bytes(2, shape) + _number(3, shard)
    message += _number(4, offset) + _number(5, len(tensor.data)) + checksum
    return message + (_bytes(7, b"") if tensor.sliced else b"")


def _table(entries: list[tuple[bytes, bytes]]) -> bytes:
    out = bytearray()
    handles = []
    for start in range(0, len(entries), 40):
        part = entries[start : start + 40]
        handles.append((part[-1][0], _append(out, _block(part))))
    meta = _append(out, _block([]))
    index = _append(out, _block(handles))
    footer = (meta + index).ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)
    return bytes(out) + footer


def _append(out: bytearray, block: bytes) -> bytes:
    handle = _varint(len(out)) + _varint(len(block))
    out += block + b"\0" + struct.pack("<I", masked_crc32c(block + b"\0"))
    return handle


def _block(entries: list[tuple[bytes, bytes]]) -> bytes:
    out, restarts, last = bytearray(), [], b""
    for i, (key, value) in enumerate(entries):
        shared = 0
        if i % _RESTART_EVERY == 0:
            restarts.append(len(out))
        else:
            while shared < min(len(key), len(last)) and key[shared] == last[shared]:
                shared += 1
        out += _varint(shared) + _varint(len(key) - shared) + _varint(len(value))
        out += key[shared:] + value
        last = key
    restarts = restarts or [0]
    return bytes(out) + struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
