"""Training away from home: parts with digests, there and back; a damaged part is refused."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from cli.train import parse_size
from csanmt.errors import IntegrityError, InvalidInputError, NotFoundError
from tests.training.running import train
from training.package import join_parts, pack_run, write_parts
from training.preparation import prepare
from training.recipe import load_recipe
from training.status import read_metrics

RECIPES = Path(__file__).parents[2] / "training" / "recipes"


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "a.bin").write_bytes(os.urandom(5000))
    (source / "deep" / "b.txt").write_text("text")
    write_parts(source, tmp_path / "parts", 1000)
    return tmp_path / "parts"


def test_parts_keep_to_the_size_and_join_to_the_same_files(parts, tmp_path):
    pieces = sorted(parts.glob("part-*"))
    assert len(pieces) > 5
    assert max(piece.stat().st_size for piece in pieces) <= 1000
    join_parts(parts, tmp_path / "out")
    for name in ("a.bin", "deep/b.txt"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "source" / name).read_bytes()


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (lambda p: flip(p / "part-002"), IntegrityError, r"part-002 is missing or damaged; fetch"),
        (lambda p: (p / "part-001").unlink(), IntegrityError, r"part-001 is missing or damaged"),
        (lambda p: (p / "part-003").write_bytes(b"short"), IntegrityError, r"part-003 is missing"),
        (lambda p: drop_last_line(p / "SHA256SUMS"), IntegrityError, r"the parts are no package"),
        (lambda p: (p / "SHA256SUMS").unlink(), NotFoundError, r"holds no SHA256SUMS"),
    ],
)
def test_damage_is_named(parts, tmp_path, damage, error, message):
    damage(parts)
    with pytest.raises(error, match=message):
        join_parts(parts, tmp_path / "out")


def drop_last_line(path: Path) -> None:
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


def test_an_archive_that_would_write_elsewhere_is_refused(tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        info = tarfile.TarInfo("../escaped")
        info.size = 1
        tar.addfile(info, io.BytesIO(b"x"))
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "part-000").write_bytes(buffer.getvalue())
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    (tmp_path / "parts" / "SHA256SUMS").write_text(f"{digest}  part-000\n")
    with pytest.raises(IntegrityError, match="no package"):
        join_parts(tmp_path / "parts", tmp_path / "out")
    assert not (tmp_path / "escaped").exists()


def test_a_directory_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(NotFoundError, match="gone holds no SHA256SUMS"):
        join_parts(tmp_path / "gone", tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "size"), [("12", 12), ("2K", 2048), ("3m", 3 << 20), ("1G", 1 << 30)]
)
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "M", "1.5M", "-3"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(InvalidInputError, match="size is"):
        parse_size(text)


UNPACK = "sha256sum --quiet -c SHA256SUMS && mkdir run && cat part-* | tar xJ -C run"


def unpack_there(place: Path) -> None:
    """As ``training/README.md`` says, with nothing of ours."""
    subprocess.run(["sh", "-c", UNPACK], cwd=place, check=True)


def train_there(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Train as on a machine without our source tree."""
    return subprocess.run(
        [sys.executable, "-m", "training.package", *arguments],
        cwd=place / "run",
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": "code", "OMP_NUM_THREADS": "1"},
    )


@pytest.mark.e2e
def test_rehearsal_pack_train_there_join_and_translate_here(short, packed, tmp_path):
    import csanmt

    recipe = replace(short, training=replace(short.training, checkpoint_minutes=5.0))
    parts = pack_run(recipe, packed, tmp_path / "there", 40_000)
    assert len(parts) > 3
    there = tmp_path / "there"
    unpack_there(there)
    result = there / "run" / "result"
    first = train_there(there, "--minutes", "5", "--stop-after", "0.0001")
    assert first.returncode == 0, first.stderr
    assert "minutes of the budget are left: run the same command again" in first.stdout
    assert not result.exists()
    done = train_there(there, "--minutes", "5", "--part-size", "100000")
    assert done.returncode == 0, done.stderr
    assert len(list(result.glob("part-*"))) > 1
    version = tmp_path / "back"
    join_parts(result, version)
    provenance = json.loads((version / "provenance.json").read_text())
    assert provenance["training"]["steps"] == 6
    assert (version / "metrics.jsonl").is_file()
    answer = csanmt.load(version, engine="torch").translate(["我走了。"])[0]
    assert isinstance(answer.text, str)
    flip(sorted(result.glob("part-*"))[0])
    with pytest.raises(IntegrityError, match="part-000 is missing or damaged"):
        join_parts(result, tmp_path / "again")


@pytest.mark.e2e
def test_the_recipe_for_a_gpu_is_rehearsed_in_a_tiny_shape(tiny, packed, tmp_path):
    large = load_recipe(RECIPES / "base-gpu.toml")
    small = replace(large.training, batch_tokens=640, max_steps=12, warmup_steps=4, log_steps=4)
    recipe = replace(
        large,
        data=tiny.data,
        vocabulary=tiny.vocabulary,
        model=tiny.model,
        evaluation=tiny.evaluation,
        contrastive=replace(large.contrastive, batch=16, max_steps=4),
        training=replace(small, seed=tiny.training.seed),
    )
    pack_run(recipe, packed, tmp_path / "there", 16 << 20)
    unpack_there(tmp_path / "there")
    done = train_there(tmp_path / "there", "--weights", "int8")
    assert done.returncode == 0, done.stderr
    version = tmp_path / "back"
    join_parts(tmp_path / "there" / "run" / "result", version)
    assert (version / "engine.bin").stat().st_size < 40 << 20
    lines = read_metrics(version / "metrics.jsonl")
    assert [x["step"] for x in lines if x["event"] == "step"] == [4, 4, 8, 12]


@pytest.mark.e2e
def test_the_model_a_recipe_goes_on_from_travels_with_the_package(short, packed, tmp_path):
    first = train(short, packed, tmp_path / "first", clock=lambda: 0.0, weights="int8")
    more = replace(short, start=replace(short.start, initial_model=str(first.version)))
    prepare(more, RECIPES, tmp_path / "packed")
    pack_run(more, tmp_path / "packed", tmp_path / "there", 1 << 20)
    (tmp_path / "first").rename(tmp_path / "elsewhere")  # there, home is out of reach
    unpack_there(tmp_path / "there")
    done = train_there(tmp_path / "there", "--weights", "float32")
    assert done.returncode == 0, done.stderr
    version = tmp_path / "back"
    join_parts(tmp_path / "there" / "run" / "result", version)
    assert (version / "model.safetensors").is_file()
