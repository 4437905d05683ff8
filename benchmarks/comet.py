"""COMET, a learned metric, as an optional extra (``pip install csanmt-bento[comet]``).

It needs torch and a checkpoint of its own, so it never gates; it is shown beside the
other scores.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from typing import Any

from benchmarks.suite import Suite
from csanmt.errors import EngineUnavailableError, InvalidInputError, NotFoundError

DEFAULT_MODEL = "Unbabel/wmt22-comet-da"


class Comet:
    """Scores both systems of a suite with one COMET model.

    Args:
        name: a model of COMET's hub, or the path of a checkpoint.

    Raises:
        EngineUnavailableError: the package is not installed.
        NotFoundError: the model cannot be downloaded or loaded.
    """

    def __init__(self, name: str = DEFAULT_MODEL) -> None:
        if importlib.util.find_spec("comet") is None:
            raise EngineUnavailableError("COMET needs `pip install csanmt-bento[comet]`")
        comet = importlib.import_module("comet")
        try:
            path = name if name.endswith(".ckpt") else comet.download_model(name)
            self._model: Any = comet.load_from_checkpoint(path)
        except Exception as error:
            raise NotFoundError(f"COMET model {name!r} cannot be loaded: {error}") from error
        self.signature = f"COMET|model:{name}|version:{getattr(comet, '__version__', '?')}"

    def __call__(
        self, suite: Suite, baseline: list[str], candidate: list[str]
    ) -> Mapping[str, Any]:
        """``{"baseline", "candidate", "signature"}``; scores ×100, first reference."""
        if not suite.references:
            raise InvalidInputError(f"suite {suite.name!r} has no references for COMET")
        scores = [self._score(suite, lines) for lines in (baseline, candidate)]
        return {"baseline": scores[0], "candidate": scores[1], "signature": self.signature}

    def _score(self, suite: Suite, lines: list[str]) -> float:
        triples = zip(suite.sources, lines, suite.references[0], strict=True)
        rows = [{"src": s, "mt": h, "ref": r} for s, h, r in triples]
        return 100 * float(self._model.predict(rows, batch_size=16, gpus=0).system_score)
