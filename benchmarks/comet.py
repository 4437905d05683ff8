"""COMET, a learned metric, as an optional extra.

Its package wants numpy 1 and transformers 4, which this product's environment has not, so
it runs in an environment of its own (``apart/comet_worker.py`` under another Python). It needs a
checkpoint of gigabytes and is not deterministic across machines, so it never gates; it is
shown beside the other scores.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.significance import SamplingPlan, interval, resample_counts
from benchmarks.suite import Suite
from csanmt.errors import EngineUnavailableError, InvalidInputError, NotFoundError

DEFAULT_MODEL = "Unbabel/wmt22-comet-da"
WORKER = Path(__file__).parent / "apart" / "comet_worker.py"
HOW = (
    "COMET needs a Python environment of its own: python3 -m venv DIR && DIR/bin/pip install "
    "unbabel-comet==2.2.7 'setuptools<81', then --comet-python DIR/bin/python (or "
    "$CSANMT_COMET_PYTHON)"
)


class Comet:
    """Scores both systems of a suite with one COMET model, loaded once.

    Args:
        name: a model of COMET's hub, or the path of a checkpoint (``….ckpt``).
        python: interpreter that has COMET; None: this one.

    Raises:
        EngineUnavailableError: there is no COMET.
        NotFoundError: the model cannot be downloaded or loaded.
    """

    def __init__(
        self,
        name: str = DEFAULT_MODEL,
        python: Path | None = None,
        sampling: SamplingPlan = SamplingPlan(),
    ) -> None:
        if python is None and importlib.util.find_spec("comet") is None:
            raise EngineUnavailableError(HOW)
        command = [str(python or sys.executable), str(WORKER), name]
        try:
            self._worker = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True, encoding="utf-8",
            )  # fmt: skip
        except OSError as error:
            raise EngineUnavailableError(f"{python}: {error.strerror}. {HOW}") from error
        self._sampling = sampling
        ready = self._answer()
        if "error" in ready:
            if ready["error"].startswith("ModuleNotFoundError"):
                raise EngineUnavailableError(f"{python}: {ready['error']}. {HOW}")
            raise NotFoundError(f"COMET model {name!r} cannot be loaded: {ready['error']}")
        self.signature = f"COMET|model:{name}|version:{ready['version']}"

    def __call__(
        self, suite: Suite, baseline: Sequence[str], candidate: Sequence[str]
    ) -> Mapping[str, Any]:
        """``{"baseline", "candidate", "low", "high", "signature"}``: scores ×100 against the
        first reference, and the 95 % interval of their difference (paired bootstrap).

        Raises:
            InvalidInputError: the suite has no references.
            EngineUnavailableError: COMET failed; its message.
        """
        if not suite.references:
            raise InvalidInputError(f"suite {suite.name!r} has no references for COMET")
        old, new = (self._score(suite, lines) for lines in (baseline, candidate))
        counts = resample_counts(len(old), self._sampling.samples, self._sampling.seed)
        span = interval(counts @ (new - old) / len(old))
        return {
            "baseline": float(old.mean()), "candidate": float(new.mean()),
            "low": span.low, "high": span.high, "signature": self.signature,
        }  # fmt: skip

    def close(self) -> None:
        """End the process."""
        self._worker.communicate()

    def _score(self, suite: Suite, lines: Sequence[str]) -> Any:
        """(n,) scores ×100, one a sentence."""
        triples = zip(suite.sources, lines, suite.references[0], strict=True)
        rows = [{"src": s, "mt": h, "ref": r} for s, h, r in triples]
        assert self._worker.stdin is not None
        self._worker.stdin.write(json.dumps(rows) + "\n")
        self._worker.stdin.flush()
        found = self._answer()
        if "error" in found:
            raise EngineUnavailableError(f"COMET failed: {found['error']}")
        return 100 * np.array(found["scores"], dtype=np.float64)

    def _answer(self) -> dict[str, Any]:
        assert self._worker.stdout is not None
        line = self._worker.stdout.readline()
        if not line:
            return {"error": f"its process ended with {self._worker.wait()}"}
        found: dict[str, Any] = json.loads(line)
        return found
