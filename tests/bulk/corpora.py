"""Corpora, pools and commands for the tests of bulk translation."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from bulk.records import Answers, Chunk, Layout
from bulk.run import Corpus
from bulk.state import Model
from bulk.translation import answer
from csanmt.translator import DecodingOptions
from tests.serving import live_server
from tests.serving.live_server import command_line, descendants
from tests.stub_translator import StubTranslator

ROOT = Path(__file__).parents[2]
DEFAULT_MODEL = ROOT / "model_store" / "default"
MODEL = Model("csanmt-zh-en:v9.8.7", "sha256:" + "ab" * 32, "native", "0.0.0")
COUNT = 2_000  # lines that the real command translates: seconds, even on a fast machine

wait_until = partial(live_server.wait_until, seconds=240)


class StubPool:
    """Translates in this process with a stub, and fails where it is told to.

    Args:
        fail_after: chunks answered before ``error`` is raised.
    """

    def __init__(self, fail_after: int | None = None, error: Exception | None = None) -> None:
        self._left, self._error = fail_after, error or KeyboardInterrupt()
        self.seen: list[tuple[int, int]] = []

    def translate(self, chunks: Iterator[Chunk]) -> Iterator[tuple[Chunk, Answers]]:
        for chunk in chunks:
            if self._left is not None and len(self.seen) >= self._left:
                raise self._error
            self.seen.append(chunk.key)
            yield chunk, answer(StubTranslator(), chunk.texts, DecodingOptions())


def corpus(output: Path, *inputs: Path, **values: Any) -> Corpus:
    """``lines=2`` cuts small chunks, ``decoding=``, ``model=``; the rest is ``Layout``'s."""
    lines = values.pop("lines", 2)
    model, decoding = values.pop("model", MODEL), values.pop("decoding", DecodingOptions())
    return Corpus(inputs, output, model, decoding, Layout(**values), lines)


def csanmt_translate(*words: object, **environment: str) -> subprocess.Popen[str]:
    """Start ``csanmt translate`` with the default model's directory."""
    command = [sys.executable, "-m", "csanmt", "translate", "--model", str(DEFAULT_MODEL)]
    return subprocess.Popen(
        [*command, *map(str, words)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # ignored in a job's &
    )


def sentences(count: int) -> str:
    """``count`` different lines that the default model takes some time for."""
    kinds = (
        "今天天气很好，我们去第{}公园。",
        "我买了{}本书。你呢？",
        "",
        "{} plain",
        "第{}课很难。",
    )
    return "".join(kinds[i % 5].format(i) + "\n" for i in range(count))


def parts(output: Path) -> list[Path]:
    return sorted((output / ".csanmt-bulk" / "parts").rglob("*.jsonl"))


def running(pid: int) -> bool:
    """The process exists and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def children(pid: int) -> list[int]:
    """Processes that ``pid`` started with ``multiprocessing``'s spawn."""
    return [found for found in descendants(pid) if "spawn_main" in command_line(found)]
