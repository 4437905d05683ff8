"""Cancelling, concurrent calls, and what loading the engine pulls in."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from csanmt.engine.native import NativeEngine
from csanmt.errors import CancelledError
from csanmt.translator import DecodingOptions, Engine

FREE = DecodingOptions(max_length=60)


def sources(count: int) -> list[list[int]]:
    random = np.random.default_rng(5)
    return [random.integers(1, 500, random.integers(1, 24)).tolist() for _ in range(count)]


def test_it_is_an_engine(engine) -> None:
    assert isinstance(engine, Engine)
    assert engine.name == "native"


def test_cancelling_stops_within_one_step(engine) -> None:
    asked = 0

    def stop_at_the_tenth() -> bool:
        nonlocal asked
        asked += 1
        return asked >= 10

    with pytest.raises(CancelledError):
        engine.translate_ids(sources(4), FREE, should_stop=stop_at_the_tenth)
    assert asked == 10


def test_should_stop_is_asked_before_every_layer_and_step(engine) -> None:
    asked = []
    (hypothesis,) = engine.translate_ids(
        [[5, 6, 7]],
        DecodingOptions(beam=1, max_length=9),
        should_stop=lambda: bool(asked.append(1)),
    )[0]
    layers = 2 + 3 + 2  # semantic, encoder, cross-attention of the decoder
    assert len(asked) >= layers + len(hypothesis.ids)


@pytest.mark.parametrize("threads", [1, 3])
def test_an_exception_in_should_stop_comes_through(packed, threads: int) -> None:
    engine = NativeEngine(packed("published")[1], threads=threads)

    def broken() -> bool:
        raise LookupError("from the caller")

    with pytest.raises(LookupError, match="from the caller"):
        engine.translate_ids(sources(9), should_stop=broken)
    assert engine.translate_ids([[5]])  # and the engine still works


def test_threads_share_the_sentences_of_a_call(packed) -> None:
    seen = set()

    def note() -> bool:
        return bool(seen.add(threading.get_ident()))

    shared = NativeEngine(packed("published")[1], threads=3)
    found = shared.translate_ids(sources(60), FREE, should_stop=note)
    assert len(seen) > 1
    assert found == NativeEngine(packed("published")[1]).translate_ids(sources(60), FREE)


@pytest.mark.parametrize("threads", [1, 2])
def test_many_callers_get_the_answers_of_one(packed, threads: int) -> None:
    engine = NativeEngine(packed("published")[1], threads=threads)
    batches = [sources(30)[i : i + 5] for i in range(0, 30, 5)]
    expected = [engine.translate_ids(batch, FREE) for batch in batches]
    with ThreadPoolExecutor(6) as pool:
        for _ in range(3):
            assert list(pool.map(lambda b: engine.translate_ids(b, FREE), batches)) == expected


def test_other_python_threads_run_while_it_works(engine) -> None:
    started, finished = threading.Event(), threading.Event()
    progress = []

    def work() -> None:
        started.set()
        engine.translate_ids(sources(200), FREE)
        finished.set()

    worker = threading.Thread(target=work)
    worker.start()
    started.wait(10)
    while not finished.is_set():
        progress.append(1)
    worker.join()
    assert len(progress) > 100


def test_it_needs_neither_torch_nor_transformers(packed) -> None:
    code = (
        "import sys\n"
        "from csanmt.engine.native import NativeEngine\n"
        f"engine = NativeEngine({str(packed('published')[1])!r})\n"
        "assert engine.translate_ids([[5, 6, 7]])[0][0].ids is not None\n"
        "print([m for m in ('torch', 'transformers', 'safetensors') if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
