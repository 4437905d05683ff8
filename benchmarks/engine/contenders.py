"""What is timed, in turns: every round runs each contender once, so noise hits all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.engine.models import token_name
from csanmt.translator import DecodingOptions, Engine

Sentences = tuple[tuple[int, ...], ...]
Run = Callable[[Sentences, int], object]  # translate a batch with a beam
Length = Callable[[Sentences, int], int]  # target tokens of a sentence of a batch, with a beam
# (contender, "cpu" or "wall") → milliseconds a sentence, an entry a round.
Times = dict[tuple[str, str], list[float]]
CLOCKS = {"cpu": time.process_time, "wall": time.perf_counter}


def native(engine: Engine, forced: int | None = None) -> Length:
    """Our engine; a sentence is as long as the model makes it, its end counted, or ``forced``
    tokens. Gives the average of the batch."""

    def run(sentences: Sentences, beam: int) -> int:
        options = DecodingOptions(beam=beam)
        if forced:
            options = DecodingOptions(beam=beam, max_length=forced, repetition_guard=False)
        found = engine.translate_ids(sentences, options)
        lengths = [len(hypotheses[0].ids) + (not forced) for hypotheses in found]
        if forced and set(lengths) != {forced}:
            raise RuntimeError("the native engine stopped early")
        return round(sum(lengths) / len(lengths))

    return run


def ctranslate2(directory: Path, length: Length) -> Run:
    """CTranslate2 int8 of the same dimensions, without the semantic parts, forced to ``length``."""
    from ctranslate2 import Translator

    translator = Translator(
        str(directory), device="cpu", compute_type="int8", inter_threads=1, intra_threads=1
    )
    known = cache(length)  # asked while warming up

    def run(sentences: Sentences, beam: int) -> None:
        tokens = known(sentences, beam)
        batch = [[*map(token_name, ids), token_name(0)] for ids in sentences]
        results = translator.translate_batch(
            batch,
            beam_size=beam,
            min_decoding_length=tokens,
            max_decoding_length=tokens,
            return_scores=False,
        )
        if any(len(result.hypotheses[0]) != tokens for result in results):
            raise RuntimeError("CTranslate2 stopped early")

    return run


def measure(
    contenders: Mapping[str, Run], sentences: Sentences, batch: int, beam: int, rounds: int
) -> Times:
    """Time every contender on all sentences, ``rounds`` times, after one warm-up each."""
    batches = [sentences[at : at + batch] for at in range(0, len(sentences), batch)]
    names, times = list(contenders), Times()
    for number in range(-1, rounds):
        at = number % len(names)  # none is always behind the same neighbour
        for name in (*names[at:], *names[:at]):
            began = {clock: now() for clock, now in CLOCKS.items()}
            for chosen in batches:
                contenders[name](chosen, beam)
            for clock, now in CLOCKS.items():
                spent = 1e3 * (now() - began[clock]) / len(sentences)
                if number >= 0:
                    times.setdefault((name, clock), []).append(spent)
    return times


def spread(values: Sequence[float], digits: int) -> str:
    """Median and quartiles."""
    low, median, high = np.percentile(values, (25, 50, 75)).tolist()
    return f"{median:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"
