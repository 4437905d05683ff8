"""The gate on real weights: the shipped model, the same with noise, the same damaged."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

from benchmarks import evidence
from benchmarks.loading import load_subject
from benchmarks.speed import measure_start
from benchmarks.suite import load_suite
from cli.loading import digest_of_directory
from cli.main import main
from csanmt.engine import container, native
from csanmt.errors import IntegrityError
from csanmt.version import read_decoding

DEFAULT = Path(__file__).parents[2] / "model_store" / "default"
OWN = read_decoding(DEFAULT)
POLICY = """
version = 1
[quality]
suites = ["few"]
metrics = ["bleu", "chrf2pp"]
[checks]
[behaviour.new_failures]
default = 0
[smoke]
must_pass = "no-new-failures"
[pins]
must_pass = "all"
[churn]
max = 0.75
"""
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not DEFAULT.is_dir(), reason="the default model is not in this checkout"),
    pytest.mark.skipif(not native.is_available(), reason="the native engine is not built"),
]


def add_noise(engine: Path, strength: float) -> None:
    """Disturb every packed int8 weight matrix, and make the checksum fit again."""
    rng = np.random.default_rng(11)
    data = bytearray(engine.read_bytes())
    count = struct.unpack_from("<I", data, 104)[0]
    table = struct.unpack_from("<Q", data, 112)[0]
    disturbed = 0
    for i in range(count):
        name, offset, size = struct.unpack_from("<48sQQ", data, table + i * container.ENTRY_BYTES)
        if "weight" in name.rstrip(b"\0").decode() and size >= 65_536:
            codes = np.frombuffer(data, np.uint8, size, offset).astype(np.float64)
            noisy = codes + rng.normal(0, strength * codes.std(), size)
            data[offset : offset + size] = np.clip(noisy.round(), 1, 255).astype(np.uint8).tobytes()
            disturbed += 1
    assert disturbed > 10
    engine.write_bytes(data)
    with engine.open("r+b") as file:
        container.seal(file, len(data))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A suite of 120 everyday sentences, a policy without speed, a cache of its own."""
    suite = load_suite("tatoeba")
    (tmp_path / "few").mkdir()
    for name, lines in (("few.zh", suite.sources), ("few.en", suite.references[0])):
        (tmp_path / "few" / name).write_text("\n".join(lines[:120]) + "\n", "utf-8")
    (tmp_path / "policy.toml").write_text(POLICY)
    monkeypatch.setenv("CSANMT_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def gate(candidate, *more):
    return main(["bench", "gate", str(candidate), "--baseline", str(DEFAULT), "--suite", "few",
                 "--policy", "policy.toml", "--out", "out", "--workers", "1", "--quiet",
                 "--engine", "native", *more])  # fmt: skip


def failed_rules():
    verdict = json.loads(Path("out/verdict.json").read_text("utf-8"))
    return {rule["rule"] for rule in verdict["rules"] if rule["status"] == "fail"}


def test_the_default_model_may_replace_itself_and_the_evidence_says_so(folder):
    assert gate(DEFAULT) == 0
    digest = digest_of_directory(DEFAULT)
    found = evidence.verify(folder / "out/evidence.json", model_digest=digest)
    assert found.content["scope"] == "full"
    measured = json.loads((folder / "out/measurements.json").read_text("utf-8"))
    assert measured["churn"] == 0.0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"decoding": {"beam": 1}}, f"beam 1, not its own {OWN.beam}"),
        (
            {"decoding": {"length_penalty": 0.9}},
            f"length penalty 0.9, not its own {OWN.length_penalty:g}",
        ),
        ({"engine": "torch"}, "the torch engine, not the native one"),
    ],
)
def test_settings_other_than_those_served_are_named(options, words):
    assert load_subject(str(DEFAULT), **options).overrides == (words,)


def test_evidence_about_other_settings_than_those_served_is_partial(folder, capsys):
    assert gate(DEFAULT, "--beam", "1") == 0
    assert f"the candidate was asked with beam 1, not its own {OWN.beam}" in capsys.readouterr().out
    with pytest.raises(IntegrityError, match=r"says promote \(partial\)"):
        evidence.verify(folder / "out/evidence.json")


def test_weights_with_noise_are_rejected_for_their_quality(folder):
    shutil.copytree(DEFAULT, folder / "noisy")
    (folder / "noisy" / "provenance.json").unlink(missing_ok=True)
    add_noise(folder / "noisy" / "engine.bin", strength=0.6)
    assert gate("noisy", "--beam", "1") == 1
    assert {"loss"} <= failed_rules()


def test_a_damaged_model_is_not_judged(folder, capsys):
    shutil.copytree(DEFAULT, folder / "damaged")
    with (folder / "damaged" / "engine.bin").open("r+b") as file:
        file.seek(200_000)
        file.write(b"\xff" * 64)
    assert gate("damaged") == 2
    assert "UNJUDGED (none): damaged" in capsys.readouterr().out


def test_the_memory_of_a_start_is_its_own_not_that_of_who_started_it():
    ballast = b"x" * 400 * 2**20
    model = load_subject(str(DEFAULT), engine="native", digest_of=digest_of_directory)
    report = measure_start(model, model)
    assert 20 < report.megabytes[1] < 300 < len(ballast) / 2**20
