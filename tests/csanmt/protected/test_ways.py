"""A sample of ``benchmarks.protected_text``: every piece comes back, whatever way it came."""

from __future__ import annotations

from pathlib import Path

import jieba
import pytest

from benchmarks.protected_text import CHINESE, TEMPLATES, Recording, cases, measure
from benchmarks.protected_ways import WAYS
from benchmarks.suite import load_suite
from csanmt.loading import load_translator

jieba.setLogLevel("ERROR")


@pytest.fixture(scope="module")
def translator() -> Recording:
    return Recording(load_translator(Path(__file__).parents[3] / "model_store" / "default"))


@pytest.fixture(scope="module")
def sample():
    suite = load_suite("tatoeba")
    pairs = list(zip(suite.sources, suite.references[0], strict=True))[::25]
    names = [(t.format(name), "") for t, name in zip(TEMPLATES, CHINESE * 3, strict=True)]
    return cases(pairs, seed=11), cases(names, seed=12)


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_lost(translator: Recording, sample, way: str) -> None:
    outcome = measure(way, WAYS[way], translator, *sample)
    assert outcome.sentences > 40
    assert outcome.kept == 1.0
    assert outcome.named >= 0.8  # names that only words stand for are the model's own art
