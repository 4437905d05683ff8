"""CRC-32C (Castagnoli) over gigabytes with numpy alone.

Long data is read as many lanes side by side, so that each table look-up is one
numpy operation over all lanes; the lanes' checksums are then joined pairwise,
which is linear algebra over GF(2).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL = 0x82F63B78  # reflected
_MASK_DELTA = 0xA282EAD8  # how LevelDB and TensorFlow store a checksum of checksummed data
_LANES = 8192
_LANE_BYTES = 2048
_BLOCK = _LANES * _LANE_BYTES  # 16 MiB at a time

Words = NDArray[np.uint32]


def crc32c(data: bytes | memoryview | NDArray[np.uint8]) -> int:
    """CRC-32C of ``data``."""
    view = np.frombuffer(data, dtype=np.uint8)
    state = 0
    for start in range(0, len(view), _BLOCK):
        block = view[start : start + _BLOCK]
        state = _shift(state, len(block)) ^ _raw(block)
    return state ^ _shift(0xFFFFFFFF, len(view)) ^ 0xFFFFFFFF


def masked_crc32c(data: bytes | memoryview | NDArray[np.uint8]) -> int:
    """The checksum as LevelDB tables and TensorFlow bundles store it."""
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def _raw(block: NDArray[np.uint8]) -> int:
    """Checksum without the customary inversion of start and end: linear in the data."""
    lane_bytes = min(_LANE_BYTES, len(block) // 64 // 2 * 2)
    if lane_bytes < 2:
        return _raw_bytes(block)
    lanes = len(block) // lane_bytes
    lanes = 1 << (lanes.bit_length() - 1)  # a power of two joins pairwise
    used = lanes * lane_bytes
    state = _join(_lane_states(block[:used].reshape(lanes, lane_bytes)), lane_bytes)
    rest = block[used:]
    return _shift(state, len(rest)) ^ _raw(rest)


def _raw_bytes(block: NDArray[np.uint8]) -> int:
    table = _byte_table()
    state = 0
    for byte in block.tolist():
        state = int(table[(state ^ byte) & 0xFF]) ^ (state >> 8)
    return state


def _lane_states(lanes: NDArray[np.uint8]) -> Words:
    """lanes (N, bytes), an even number of bytes → N raw checksums."""
    table = _word_table()
    columns = np.ascontiguousarray(lanes.view("<u2").T)  # (bytes / 2, N)
    state = np.zeros(lanes.shape[0], dtype=np.uint32)
    for column in columns:
        state = table[(state ^ column) & 0xFFFF] ^ (state >> 16)
    return state


def _join(states: Words, lane_bytes: int) -> int:
    while len(states) > 1:
        states = _apply(_zeros_operator(lane_bytes), states[0::2]) ^ states[1::2]
        lane_bytes *= 2
    return int(states[0])


def _shift(state: int, count: int) -> int:
    """The raw checksum after ``count`` more zero bytes."""
    power, bit = state, 1
    while count:
        if count & 1:
            power = int(_apply(_zeros_operator(bit), np.array([power], dtype=np.uint32))[0])
        count >>= 1
        bit <<= 1
    return power


def _apply(operator: Words, states: Words) -> Words:
    """operator (4, 256): images of each byte of a state."""
    image = operator[0][states & 0xFF]
    for k in range(1, 4):
        image = image ^ operator[k][(states >> np.uint32(8 * k)) & 0xFF]
    return image


@lru_cache(maxsize=256)
def _zeros_operator(count: int) -> Words:
    """The linear map "append ``count`` zero bytes", tabulated by byte: (4, 256)."""
    if count == 1:
        table = _byte_table()
        states = np.stack([np.arange(256, dtype=np.uint32) << np.uint32(8 * k) for k in range(4)])
        return np.asarray(table[states & 0xFF] ^ (states >> 8), dtype=np.uint32)
    half = _zeros_operator(count // 2)
    doubled = _apply(half, half.reshape(-1)).reshape(4, 256)
    if count % 2:
        doubled = _apply(_zeros_operator(1), doubled.reshape(-1)).reshape(4, 256)
    return doubled


@lru_cache(maxsize=1)
def _byte_table() -> Words:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(_POLYNOMIAL), table >> 1)
    return table.astype(np.uint32)


@lru_cache(maxsize=1)
def _word_table() -> Words:
    """Two bytes at a time: (65536,)."""
    state = np.arange(65536, dtype=np.uint32)
    table = _byte_table()
    for _ in range(2):
        state = table[state & 0xFF] ^ (state >> 8)
    return state.astype(np.uint32)
