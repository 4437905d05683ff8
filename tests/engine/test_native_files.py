"""engine.bin is refused with a clear message whenever it is not what it should be."""

from __future__ import annotations

import io
import os
import random
import re
import struct
import time
from pathlib import Path

import numpy as np
import pytest

from csanmt.engine.container import CHECKSUM_START, HEADER_BYTES, checksum, seal
from csanmt.engine.native import NativeEngine
from csanmt.engine.packing import pack, pack_matrix, quantise_rows
from csanmt.errors import (
    CheckpointError,
    ConfigurationError,
    EngineUnavailableError,
    NotFoundError,
    StorageError,
)
from csanmt.translator import DecodingOptions


@pytest.fixture
def good(packed) -> bytes:
    return packed("published")[1].read_bytes()


def resealed(data: bytes) -> bytes:
    file = io.BytesIO(data)
    seal(file, len(data))
    return file.getvalue()


def patched(data: bytes, offset: int, value: bytes) -> bytes:
    return data[:offset] + value + data[offset + len(value) :]


def load(tmp_path: Path, data: bytes) -> NativeEngine:
    path = tmp_path / "engine.bin"
    path.write_bytes(data)
    return NativeEngine(path)


def test_a_foreign_file_is_refused(tmp_path, good) -> None:
    for data in (b"PK\x03\x04" + good[4:], good.replace(b"\x89CSANMT\n", b"\x89CSANMT\r", 1)):
        with pytest.raises(CheckpointError, match="not an engine file"):
            load(tmp_path, data)


@pytest.mark.parametrize("size", [0, 1, 255])
def test_a_file_shorter_than_its_header_is_refused(tmp_path, good, size: int) -> None:
    with pytest.raises(CheckpointError, match="too short"):
        load(tmp_path, good[:size])


def test_a_newer_format_is_refused_and_named(tmp_path, good) -> None:
    with pytest.raises(CheckpointError, match=r"format version 2.*reads up to 1"):
        load(tmp_path, resealed(patched(good, 8, struct.pack("<I", 2))))


def test_a_truncated_file_is_refused(tmp_path, good) -> None:
    for cut in (HEADER_BYTES, len(good) // 2, len(good) - 1):
        with pytest.raises(CheckpointError, match="truncated"):
            load(tmp_path, good[:cut])


def test_bytes_behind_the_end_are_refused(tmp_path, good) -> None:
    with pytest.raises(CheckpointError, match="longer than its header says"):
        load(tmp_path, good + b"\0" * 64)


def test_every_flipped_bit_is_noticed(tmp_path, good) -> None:
    random = np.random.default_rng(1)
    for offset in [*random.integers(24, len(good), 40).tolist(), len(good) - 1]:
        data = bytearray(good)
        data[offset] ^= 1 << int(random.integers(8))
        with pytest.raises(CheckpointError, match="checksum"):
            load(tmp_path, bytes(data))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (3, 33, "multiple of 16"),
        (3, 0, "hidden size is 0"),
        (5, 3, "heads do not divide"),
        (8, 4, "section encoder.3.qkv.weight is missing"),
        (1, 501, "section source_embedding.weight has"),
        (2, 2**31, "target vocabulary"),
        (12, 2, "alignment layer"),
        (0, 255, "flags"),
    ],
)
def test_impossible_dimensions_are_refused(tmp_path, good, field, value, message) -> None:
    data = resealed(patched(good, 40 + 4 * field, struct.pack("<I", value)))
    with pytest.raises(CheckpointError, match=message):
        load(tmp_path, data)


@pytest.mark.parametrize("where", [48, 56])
@pytest.mark.parametrize("value", [2**63, 2**64 - 64, 64])
def test_sections_outside_the_file_are_refused(tmp_path, good, where: int, value: int) -> None:
    (table,) = struct.unpack_from("<Q", good, 112)
    data = resealed(patched(good, table + where, struct.pack("<Q", value)))
    with pytest.raises(CheckpointError, match="corrupted"):
        load(tmp_path, data)


@pytest.mark.parametrize("kind", ["published", "relative", "post-norm", "shared untied"])
def test_the_engine_asks_for_every_section_that_the_layout_names(tmp_path, packed, kind) -> None:
    data = packed(kind)[1].read_bytes()
    count, _, table = struct.unpack_from("<IIQ", data, 104)
    for place in range(table, table + count * 64, 64):
        name = data[place : place + 48].rstrip(b"\0").decode()
        hidden = resealed(patched(data, place, b"x"))
        with pytest.raises(CheckpointError, match=rf"section {re.escape(name)} is missing"):
            load(tmp_path, hidden)


def test_a_shortlist_of_an_older_version_is_ignored(tmp_path, good) -> None:
    (tmp_path / "shortlist.bin").write_bytes(b"of version 0.1.0")
    assert load(tmp_path, good).translate_ids([[5, 6]])


def test_a_table_outside_the_file_is_refused(tmp_path, good) -> None:
    for offset in (0, len(good) + 64, 2**64 - 64):
        with pytest.raises(CheckpointError, match="section table"):
            load(tmp_path, resealed(patched(good, 112, struct.pack("<Q", offset))))


def test_a_missing_file_and_an_unknown_instruction_set_are_named(tmp_path, packed) -> None:
    with pytest.raises(NotFoundError, match="does not exist"):
        NativeEngine(tmp_path / "engine.bin")
    with pytest.raises(EngineUnavailableError, match=r"sse9.*allowed is auto, .*portable"):
        NativeEngine(packed("published")[1], isa="sse9")


def test_the_environment_chooses_the_instruction_set(packed, monkeypatch) -> None:
    monkeypatch.setenv("CSANMT_ISA", "portable")
    assert NativeEngine(packed("published")[1]).info["isa"] == "portable"


def test_packing_is_reproducible(tmp_path, packed) -> None:
    model, path = packed("published")
    pack(model, tmp_path / "again.bin")
    assert (tmp_path / "again.bin").read_bytes() == path.read_bytes()


def test_a_model_directory_packs_to_the_same_file_as_the_model(tmp_path, packed) -> None:
    model, path = packed("shared")
    model.save_pretrained(tmp_path)
    pack(tmp_path, tmp_path / "engine.bin")
    assert (tmp_path / "engine.bin").read_bytes() == path.read_bytes()


def test_packing_refuses_what_it_cannot_pack(tmp_path, packed) -> None:
    model, _ = packed("published")
    weights = {k: v.numpy() for k, v in model.state_dict().items()}
    config = model.config.to_dict()
    out = tmp_path / "engine.bin"
    missing = {k: v for k, v in weights.items() if k != "encoder.norm.bias"}
    with pytest.raises(CheckpointError, match=r"lacks encoder\.norm\.bias"):
        pack(missing, out, config)
    broken = weights | {"encoder.norm.bias": np.full(32, np.nan, np.float32)}
    with pytest.raises(CheckpointError, match="not finite"):
        pack(broken, out, config)
    with pytest.raises(CheckpointError, match="has shape"):
        pack(weights, out, config | {"intermediate_size": 128})
    with pytest.raises(ConfigurationError, match="multiple of 16"):
        pack(weights, out, config | {"hidden_size": 36})
    with pytest.raises(NotFoundError):
        pack(tmp_path, out)
    with pytest.raises(StorageError):
        pack(weights, tmp_path / "no" / "engine.bin", config)
    assert list(tmp_path.iterdir()) == []


def test_quantised_rows_are_within_half_a_step() -> None:
    matrix = np.random.default_rng(0).standard_normal((5, 64)).astype(np.float32)
    matrix[2] = 0
    codes, scale = quantise_rows(matrix)
    assert np.abs(codes * scale[:, None] - matrix).max() <= scale.max() / 2 * 1.001
    assert (codes[2] == 0).all()
    packed_codes = pack_matrix(codes)
    assert packed_codes.shape == (1, 16, 64, 4)
    assert packed_codes[0, 3, 4, 1] == int(codes[4, 13]) + 128


def test_the_checksum_is_the_documented_one() -> None:
    words = np.arange(1, 60, dtype=np.uint32) * np.uint32(123456789)
    data = bytes(CHECKSUM_START) + words.tobytes()
    plain, weighted = struct.unpack("<QQ", checksum(io.BytesIO(data), len(data)))
    assert plain == sum(int(w) for w in words) % 2**64
    assert weighted == sum((len(words) - i) * int(w) for i, w in enumerate(words)) % 2**64


EDGES = (0, 1, 15, 16, 64, 255, 1 << 16, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1, 2**64 - 64)


def mutated(good: bytes, chance: random.Random) -> bytes:
    """One to three changes, sealed again so that the checksum passes."""
    data = bytearray(good)
    (table,) = struct.unpack_from("<Q", good, 112)
    for _ in range(chance.randint(1, 3)):
        value = chance.choice(EDGES) if chance.random() < 0.7 else chance.getrandbits(64)
        at = chance.choice(
            (
                40 + 4 * chance.randrange(19),
                chance.randrange(table, len(good) - 8),
                chance.randrange(HEADER_BYTES, len(good) - 8),
            )
        )
        data[at : at + 8] = struct.pack("<Q", value)
    if chance.random() < 0.1:
        data = data[: chance.randrange(HEADER_BYTES, len(data), 4)]
    data[16:24] = struct.pack("<Q", len(data))
    return resealed(bytes(data))


def test_mutated_files_are_refused_or_run(tmp_path, good) -> None:
    """Under the sanitizers (``engine/checks/sanitize.sh``) for as long as it says."""
    chance, outcomes, tried = random.Random(1), set[bool](), 0
    end = time.monotonic() + float(os.environ.get("FUZZ_SECONDS", "0"))
    while tried < 200 or time.monotonic() < end:
        tried += 1
        try:
            engine = load(tmp_path, mutated(good, chance))
        except CheckpointError:
            outcomes.add(False)
            continue
        most = int(engine.info["source_vocabulary"])
        source = [i for i in (1, 2, 3, 499) if i < most]
        engine.translate_ids([source, []], DecodingOptions(max_length=4, alignment=True))
        outcomes.add(True)
    assert outcomes == {True, False}  # both ways were taken
