"""COMET in its own process. The real package runs where CSANMT_COMET_PYTHON names a Python
that has it (on a checkpoint made here); everywhere else a stand-in with its interface."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.comet import Comet
from benchmarks.suite import Suite
from csanmt.errors import EngineUnavailableError, InvalidInputError, NotFoundError

SUITE = Suite("s", ("今天天气很好。", "他买了三本书。", "你好世界"),
              (("The weather is fine.", "He bought three books.", "Hello world"),))  # fmt: skip
GOOD, BAD = list(SUITE.references[0]), ["Rain.", "He bought books.", "Hello world"]
STAND_IN = '''
"""Scores a sentence by the share of the reference's words it has."""
from types import SimpleNamespace
import numbers
__version__ = "0.0.1"
print("chatter on standard output")

def download_model(model, saving_directory=None, local_files_only=False):
    raise KeyError(f"Model '{model}' not supported by COMET.")

def load_from_checkpoint(checkpoint_path, reload_hparams=False, strict=False):
    assert isinstance(1, numbers.Integral)
    return Model()

class Model:
    def predict(self, samples, batch_size=16, gpus=1, devices=None, mc_dropout=0,
                progress_bar=True, accelerator="auto", num_workers=None, length_batching=True):
        assert gpus == 0 and set(samples[0]) == {"src", "mt", "ref"}
        share = lambda mt, ref: len(set(mt.split()) & set(ref.split())) / len(ref.split())
        scores = [share(s["mt"], s["ref"]) for s in samples]
        return SimpleNamespace(scores=scores)
'''


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """An interpreter that has the stand-in."""
    (tmp_path / "comet").mkdir()
    (tmp_path / "comet" / "__init__.py").write_text(STAND_IN)
    path = tmp_path / "python"
    path.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path} exec {sys.executable} "$@"\n')
    path.chmod(0o755)
    return path


def test_both_systems_are_scored_by_one_model(python):
    comet = Comet("some.ckpt", python)
    found = comet(SUITE, BAD, GOOD)
    again = comet(SUITE, GOOD, GOOD)
    comet.close()
    assert found["candidate"] == 100
    assert found["baseline"] == pytest.approx(100 * (0 + 3 / 4 + 1) / 3)
    assert 0 <= found["low"] < 100 - found["baseline"] < found["high"]
    assert found["signature"] == "COMET|model:some.ckpt|version:0.0.1"
    assert (again["low"], again["high"]) == (0, 0)


def test_what_cannot_run_says_what_is_missing(python, tmp_path):
    with pytest.raises(NotFoundError, match=r"cannot be loaded: KeyError: .*not supported"):
        Comet("Unbabel/wmt22-comet-da", python)
    bare = tmp_path / "bare"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    bare.chmod(0o755)
    for missing in (bare, tmp_path / "nowhere"):
        with pytest.raises(EngineUnavailableError, match="pip install unbabel-comet"):
            Comet("some.ckpt", missing)
    with pytest.raises(InvalidInputError, match="has no references"):
        Comet("some.ckpt", python)(Suite("bare", ("一",)), ["a"], ["b"])


@pytest.mark.timeout(1200)
def test_the_real_package_scores_with_a_checkpoint_made_here(tmp_path):
    real = os.environ.get("CSANMT_COMET_PYTHON")
    if not real:
        pytest.skip("CSANMT_COMET_PYTHON names no Python with unbabel-comet")
    script = Path(__file__).with_name("tiny_comet.py")
    made = subprocess.run([real, script, tmp_path / "model"], capture_output=True, text=True,
                          check=True)  # fmt: skip
    comet = Comet(made.stdout.splitlines()[-1], Path(real))
    found = comet(SUITE, BAD, GOOD)
    comet.close()
    assert found["baseline"] != found["candidate"]
    assert found["low"] <= found["candidate"] - found["baseline"] <= found["high"]
    assert "version:2." in found["signature"]
