"""The shipped model: native int8 beside torch over the same packed weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from csanmt.loading import load_translator
from csanmt.translator import DecodingOptions

ROOT = Path(__file__).parents[2]
DEFAULT = ROOT / "model_store" / "default"
SUITES = ROOT / "benchmarks" / "suites"


def lines(suite: str, every: int = 1, side: str = "source.zh") -> list[str]:
    return (SUITES / suite / side).read_text(encoding="utf-8").splitlines()[::every]


@pytest.fixture(scope="module")
def native():
    return load_translator(DEFAULT, engine="native")


@pytest.fixture(scope="module")
def portable():
    return load_translator(DEFAULT, engine="torch")


def test_logits_agree_with_torch(native, portable) -> None:
    found = []
    for text, reference in zip(
        lines("tatoeba", 100), lines("tatoeba", 100, "reference.en"), strict=True
    ):
        source = native.tokenizer.encode(text)
        target = native.tokenizer.encode_target(reference)
        with torch.no_grad():
            expected = portable.engine.model(
                input_ids=torch.tensor([[*source, 0]]),
                decoder_input_ids=torch.tensor([[0, *target]]),
            ).logits[0]
        ours = native.engine.logits(source, target).astype(np.float64)
        theirs = expected.numpy().astype(np.float64)
        sizes = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
        found += list((ours * theirs).sum(axis=1) / sizes)
    assert len(found) > 50
    assert np.mean(found) >= 0.999
    assert np.min(found) >= 0.99


@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 1.5])
def test_whoever_wants_one_hypothesis_gets_the_first_of_all(native, length_penalty) -> None:
    """A search for one ends as soon as nothing alive can beat it."""
    sources = [native.tokenizer.encode(line) for line in lines("tatoeba", 12)]
    settings = {"beam": 4, "length_penalty": length_penalty}
    one = native.engine.translate_ids(sources, DecodingOptions(n_best=1, **settings))
    all_four = native.engine.translate_ids(sources, DecodingOptions(n_best=4, **settings))
    assert [h[0] for h in one] == [h[0] for h in all_four]


def test_torch_runs_the_packed_weights_and_says_much_the_same(native, portable) -> None:
    assert portable.engine.name == "torch"
    assert not (DEFAULT / "model.safetensors").exists()
    sources = lines("tatoeba", 50)
    options = DecodingOptions(beam=2)
    ours = [answer.text for answer in native.translate(sources, options)]
    theirs = [answer.text for answer in portable.translate(sources, options)]
    assert sum(a == b for a, b in zip(ours, theirs, strict=True)) >= 12, (ours, theirs)


def test_a_sentence_is_the_same_alone_and_in_any_batch(native) -> None:
    sources = lines("tatoeba", 25) + lines("ntrex128", 250)
    together = native.translate(sources)
    assert native.translate(sources[::-1])[::-1] == together
    for i in range(0, len(sources), 5):
        assert native.translate([sources[i]]) == [together[i]]


def test_the_best_instruction_set_and_the_portable_one_say_the_same(native) -> None:
    from csanmt.engine.native import NativeEngine

    plain = NativeEngine(DEFAULT, isa="portable")
    ids = [native.tokenizer.encode(text) for text in lines("tatoeba", 100)]
    assert plain.translate_ids(ids) == native.engine.translate_ids(ids)


def bleu(outputs: list[str], suite: str) -> float:
    import sacrebleu

    return float(sacrebleu.corpus_bleu(outputs, [lines(suite, 1, "reference.en")]).score)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("suite", ["tatoeba", "ntrex128"])
def test_bleu_is_within_a_fifth_of_torch(native, portable, suite: str) -> None:
    portable.engine.batch_size = 32
    scores = [
        bleu([answer.text for answer in translator.translate(lines(suite))], suite)
        for translator in (native, portable)
    ]
    assert abs(scores[0] - scores[1]) <= 0.2, scores
