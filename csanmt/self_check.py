"""Whether a version works, and whether its packed weights answer as its float ones do."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from csanmt.errors import CheckpointError
from csanmt.translator import DecodingOptions
from csanmt.version import read_version

if TYPE_CHECKING:
    from csanmt.modeling import CsanmtForConditionalGeneration

PROBES = {
    "zh": "今天天气很好，我们一起去公园散步吧。",
    "en": "The weather is fine today; let us go for a walk in the park.",
    "ja": "今日は天気がいいので、公園を散歩しましょう。",
}
SENTENCES = 200  # made from the vocabulary for a comparison
LONGEST, TARGET = 24, 32  # tokens of a made sentence, and of its answer
MOST_DRIFT = 0.1  # nats a token; rounded activations alone cost csanmt-zh-en:v1.2.0 0.006


def torch_is_installed() -> bool:
    """Whether the torch engine can run here."""
    return all(importlib.util.find_spec(name) for name in ("torch", "transformers"))


def translate_probe(directory: Path, engine: str) -> dict[str, Any]:
    """Translate one sentence with a version.

    Raises:
        CheckpointError: the tokenizer finds no words in it, or a score is not a number.
    """
    from csanmt.loading import load_translator

    translator = load_translator(directory, engine=engine)
    probe = PROBES.get(translator.source_language, PROBES["en"])
    ids = translator.tokenizer.encode(probe)
    if not ids:
        raise CheckpointError(f"self-check: the tokenizer turns {probe!r} into nothing")
    translation = translator.translate([probe], DecodingOptions(beam=4, max_length=32))[0]
    score = translation.hypotheses[0].score
    if not np.isfinite(score):
        raise CheckpointError(f"self-check: the score of a translation is {score}")
    return {
        "sentence": probe,
        "translation": translation.text,
        "score": round(score, 6),
        "source_tokens": len(ids),
        "unknown_tokens": sum(token == translator.tokenizer.source_size - 1 for token in ids),
        "engine": translator.engine.name,
    }


def compare_weights(directory: Path, sentences: Sequence[str] = ()) -> dict[str, Any]:
    """How packed weights answer beside float ones, on made sentences and on those given.

    ``same_answers`` is the share of the greedy answers that are equal, token by token; ``drift``
    the mean absolute difference of the log-probability of the floats' answer, in nats a token.

    Raises:
        EngineUnavailableError: one of the engines cannot run here.
    """
    from csanmt.engine.native import NativeEngine
    from csanmt.engine.torch_reference import TorchEngine
    from csanmt.loading import load_tokenizer

    tokenizer = load_tokenizer(directory)
    sources = made_sentences(int(read_version(directory).config["vocab_size"]), SENTENCES)
    sources += [ids for text in sentences if (ids := tokenizer.encode(text))]
    native, floats = NativeEngine(directory), TorchEngine.load(directory)
    floats.batch_size = 25
    options = DecodingOptions(beam=1, max_length=TARGET)
    wanted = [row[0].ids for row in floats.translate_ids(sources, options)]
    found = [row[0].ids for row in native.translate_ids(sources, options)]
    drifts = []
    for source, answer in zip(sources, wanted, strict=True):
        ids = list(answer)
        expected = _log_probability(_torch_logits(floats.model, source, ids), ids)
        drift = abs(_log_probability(native.logits(source, ids), ids) - expected)
        drifts.append(drift / max(1, len(ids)))
    same = sum(one == two for one, two in zip(wanted, found, strict=True))
    mean = round(float(np.mean(drifts)), 5)
    return {
        "sentences": len(sources),
        "same_answers": round(same / len(sources), 4),
        "drift": mean,
        "most_drift": MOST_DRIFT,
        "fine": mean <= MOST_DRIFT,
    }


def made_sentences(vocabulary: int, count: int) -> list[list[int]]:
    """Sentences of random source ids (neither end nor unknown), the same ones every time."""
    dice = random.Random(vocabulary)
    return [
        [dice.randrange(2, vocabulary) for _ in range(dice.randint(3, LONGEST))]
        for _ in range(count)
    ]


def _log_probability(logits: NDArray[np.float32], ids: Sequence[int]) -> float:
    """Of a target, its end not counted; ``logits`` (T + 1, V)."""
    import torch

    rows = torch.tensor(logits[: len(ids)]).double().log_softmax(dim=1)
    return float(rows.gather(1, torch.tensor(ids, dtype=torch.long)[:, None]).sum())


def _torch_logits(
    model: CsanmtForConditionalGeneration, source: Sequence[int], ids: Sequence[int]
) -> NDArray[np.float32]:
    import torch

    with torch.inference_mode():
        output = model(
            input_ids=torch.tensor([[*source, 0]]), decoder_input_ids=torch.tensor([[0, *ids]])
        )
    logits: NDArray[np.float32] = output.logits[0].float().numpy()
    return logits
