"""Every way a checkpoint can be bad that people meet, and what they are told."""

from __future__ import annotations

import json
import shutil
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from csanmt.errors import (
    CheckpointError,
    ConfigurationError,
    ConflictError,
    CsanmtError,
    EngineUnavailableError,
    NotFoundError,
)
from csanmt.modelscope.checkpoint import Checkpoint, masked_crc32c
from csanmt.modelscope.conversion import convert, find_checkpoint
from tests.csanmt.golden import GOLDENS
from tests.csanmt.tensor_bundle import Tensor, write_bundle

FIRST = "NmtModel/Source_Embedding/Weights"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of fixture A's model, for damaging."""
    copy = tmp_path / "model"
    shutil.copytree(GOLDENS / "A" / "model", copy)
    for path in copy.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return copy


def data_file(model: Path) -> Path:
    return model / "tf_ckpts" / "ckpt-0.data-00000-of-00001"


def index_file(model: Path) -> Path:
    return model / "tf_ckpts" / "ckpt-0.index"


def edit(model: Path, section: str, **values: Any) -> None:
    path = model / "configuration.json"
    raw = json.loads(path.read_text())
    for key, value in values.items():
        raw[section].pop(key, None)
        if value is not None:
            raw[section][key] = value
    path.write_text(json.dumps(raw))


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x40
    path.write_bytes(data)


def truncate(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


def shorten(path: Path, lines: int) -> None:
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:lines]))


def lengthen(path: Path, lines: int) -> None:
    with path.open("a") as file:
        file.writelines(f"more{i}\n" for i in range(lines))


Damage = Callable[[Path], object]


@pytest.mark.parametrize(
    ("damage", "error", "words"),
    [
        (lambda m: truncate(data_file(m), 100_000), CheckpointError,
         ["cut short", "100000 bytes", "ckpt-0.data-00000-of-00001", "copy the file again"]),
        (lambda m: flip(data_file(m), 70_000), CheckpointError,
         ["damaged", "checksum", "NmtModel/", "copy the file again"]),
        (lambda m: data_file(m).unlink(), CheckpointError,
         ["ckpt-0.data-00000-of-00001", "missing", "1 of 1"]),
        (lambda m: data_file(m).write_bytes(b""), CheckpointError, ["cut short", "0 bytes"]),
        (lambda m: flip(index_file(m), 300), CheckpointError, ["ckpt-0.index", "damaged"]),
        (lambda m: truncate(index_file(m), 3000), CheckpointError, ["ckpt-0.index", "cut short"]),
        (lambda m: index_file(m).write_bytes(b"not a table"), CheckpointError, ["not the index"]),
        (lambda m: index_file(m).unlink(), NotFoundError, ["tf_ckpts/ckpt-0.index is missing"]),
        (lambda m: edit(m, "model", hidden_size=64), CheckpointError,
         ["wrong shape", FIRST, "[500, 32]", "[500, 64]"]),
        (lambda m: edit(m, "model", num_encoder_layers=2), CheckpointError,
         ["unexpected", "encoder/layer_2"]),
        (lambda m: edit(m, "model", num_decoder_layers=3), CheckpointError,
         ["missing", "decoder/layer_2", "and", "more"]),
        (lambda m: edit(m, "model", position_info_type="relative"), CheckpointError,
         ["missing", "rpr_k"]),
        (lambda m: edit(m, "model", shared_source_target_embedding=True), ConfigurationError,
         ["src_vocab_size is 500", "trg_vocab_size 261"]),
        (lambda m: edit(m, "model", layer_postproc="layer_norm"), ConfigurationError,
         ["layer_preproc", "layer_postproc", "allowed"]),
        (lambda m: edit(m, "model", num_heads="four"), ConfigurationError,
         ["model.num_heads", "'four'", "valid integer"]),
        (lambda m: edit(m, "model", num_encoder_layers=10**7), ConfigurationError,
         ["model.num_encoder_layers", "10000000", "256"]),
        (lambda m: edit(m, "model", num_heads=5), ConfigurationError,
         ["hidden_size is 32", "num_heads 5", "divides"]),
        (lambda m: edit(m, "model", filter_size=None), ConfigurationError,
         ["model.filter_size: Field required"]),
        (lambda m: edit(m, "model", type="other-model"), ConfigurationError,
         ["'other-model'", "csanmt-translation"]),
        (lambda m: edit(m, "dataset", src_vocab={"file": "../../etc/passwd"}), ConfigurationError,
         ["leaves the model's directory"]),
        (lambda m: (m / "configuration.json").write_text("{"), ConfigurationError, ["not JSON"]),
        (lambda m: (m / "configuration.json").unlink(), NotFoundError,
         ["configuration.json is missing"]),
        (lambda m: shorten(m / "src_vocab.txt", 300), CheckpointError,
         ["source vocabulary", "300 lines", "500 rows"]),
        (lambda m: shorten(m / "trg_vocab.txt", 0), CheckpointError,
         ["target vocabulary", "0 lines", "261 rows"]),
        (lambda m: lengthen(m / "trg_vocab.txt", 1), CheckpointError,
         ["target vocabulary", "262 lines", "261 rows"]),
        (lambda m: (m / "src_vocab.txt").unlink(), NotFoundError, ["src_vocab.txt"]),
        (lambda m: (m / "src_vocab.txt").write_bytes(b"\xff\xfe\x00"), CheckpointError,
         ["not UTF-8"]),
        (lambda m: (m / "bpe.zh").write_text("#version: 0.2\na b c d\n"), ConfigurationError,
         ["BPE codes"]),
    ],
)  # fmt: skip
def test_a_bad_model_is_refused_with_a_message_to_act_on(
    model: Path, tmp_path: Path, damage: Damage, error: type[CsanmtError], words: list[str]
) -> None:
    damage(model)
    with pytest.raises(error) as caught:
        convert(model, tmp_path / "out")
    assert isinstance(caught.value, error)
    for word in words:
        assert word in str(caught.value)


def test_what_training_leaves_behind_is_ignored_and_listed(model: Path, tmp_path: Path) -> None:
    names = [row["name"] for row in json.loads((GOLDENS / "A/variables_train.json").read_text())]
    tensors = read_all(model)
    extra = {n: Tensor.floats([1.0]) for n in names if n not in tensors}
    assert "NmtModel/beta1_power" in extra
    rewrite(model, {**tensors, **extra})
    report = convert(model, tmp_path / "out")
    assert sorted(report.ignored) == sorted(extra)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"NmtModel/extra/matrix": Tensor.floats([1.0, 2.0])},
            ["unexpected", "NmtModel/extra/matrix"],
        ),
        ({FIRST: Tensor.of_type("int32", (500, 32))}, ["not float32", f"{FIRST} is int32"]),
        ({FIRST: Tensor.of_type("bfloat16", (500, 32))}, ["not float32", f"{FIRST} is bfloat16"]),
        ({FIRST: None}, ["missing", FIRST]),
        ({"NmtModel/encoder_input_bias": Tensor.floats([float("nan")] * 32)}, ["not finite"]),
        ({FIRST: Tensor.of_type("float32", (500, 32), sliced=True)}, ["slices", FIRST]),
    ],
)
def test_variables_that_do_not_fit_are_named(
    model: Path, tmp_path: Path, changes: dict[str, Tensor | None], words: list[str]
) -> None:
    tensors: dict[str, Tensor | None] = {**read_all(model), **changes}
    rewrite(model, {name: value for name, value in tensors.items() if value is not None})
    with pytest.raises(CheckpointError) as caught:
        convert(model, tmp_path / "out")
    for word in words:
        assert word in str(caught.value)


def test_a_checkpoint_in_several_shards_is_the_same_model(model: Path, tmp_path: Path) -> None:
    convert(model, tmp_path / "one")
    rewrite(model, read_all(model), shards=3)
    convert(model, tmp_path / "three")
    one, three = ((tmp_path / n / "model.safetensors").read_bytes() for n in ("one", "three"))
    assert one == three
    (model / "tf_ckpts" / "ckpt-0.data-00001-of-00003").unlink()
    with pytest.raises(CheckpointError, match=r"ckpt-0\.data-00001-of-00003 \(2 of 3\) is missing"):
        convert(model, tmp_path / "again")


def test_a_vocabulary_short_by_the_unknown_word_alone_is_accepted(
    model: Path, tmp_path: Path
) -> None:
    shorten(model / "src_vocab.txt", 499)
    convert(model, tmp_path / "out")


def test_nothing_is_written_over(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine").write_text("precious")
    with pytest.raises(ConflictError, match="not an empty directory"):
        convert(model, out)
    assert (out / "mine").read_text() == "precious"


def test_the_checkpoint_is_found_under_other_names(model: Path) -> None:
    folder = model / "tf_ckpts"
    for path in list(folder.glob("ckpt-0.*")):
        path.rename(folder / path.name.replace("ckpt-0", "ckpt-77"))
    (folder / "checkpoint").write_text('model_checkpoint_path: "/gone/ckpt-77"\n')
    assert find_checkpoint(model) == folder / "ckpt-77"
    (folder / "checkpoint").unlink()
    assert find_checkpoint(model) == folder / "ckpt-77"
    shutil.copy(folder / "ckpt-77.index", folder / "ckpt-78.index")
    with pytest.raises(ConflictError, match="ckpt-77, ckpt-78"):
        find_checkpoint(model)


def test_a_masked_checksum_is_leveldbs() -> None:
    assert masked_crc32c(b"") == 0xA282EAD8
    assert masked_crc32c(b"123456789") == 0xC78AB0E5


def test_without_the_package_for_checksums_it_is_named(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "google_crc32c", None)
    with pytest.raises(EngineUnavailableError, match="-m pip install google-crc32c"):
        convert(model, tmp_path / "out")


def read_all(model: Path) -> dict[str, Tensor]:
    checkpoint = Checkpoint.open(model / "tf_ckpts" / "ckpt-0")
    return {name: Tensor.array(checkpoint.read(name)) for name in checkpoint.entries}


def rewrite(model: Path, tensors: dict[str, Tensor], shards: int = 1) -> None:
    for path in (model / "tf_ckpts").glob("ckpt-0.*"):
        path.unlink()
    write_bundle(model / "tf_ckpts" / "ckpt-0", tensors, shards)


def test_names_that_unfold_to_gigabytes_are_refused_early(model: Path) -> None:
    """Each repeats the one before and one byte more: quadratic, if they are read."""
    prefix = index_file(model).with_suffix("")
    write_bundle(prefix, {"x" * n: Tensor.floats([1.0]) for n in range(19_900, 20_000)})
    tracemalloc.start()
    with pytest.raises(CheckpointError, match=r"name has \d+ bytes"):
        Checkpoint.open(prefix)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()
