"""One subject alone: what is measured of a subject against itself, and its answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.answers import AnswerCache
from benchmarks.behaviour import CaseResult, GroupResult
from benchmarks.compare import MeasurementPlan, compare_suites, measurements
from benchmarks.measurements import Measurements, check_totals
from benchmarks.metrics import METRICS
from benchmarks.progress import Progress
from benchmarks.subject import Subject
from csanmt.errors import StorageError


@dataclass(frozen=True, slots=True)
class SingleResult:
    """``hypotheses``: suite → answers in order."""

    measured: Measurements
    hypotheses: dict[str, list[str]]

    @property
    def failures(self) -> list[CaseResult]:
        """Behaviour and smoke cases that are wrong."""
        return [outcome for group in self._groups() for outcome in group.old]

    def _groups(self) -> list[GroupResult]:
        return [g for g in (*(self.measured.behaviour or ()), self.measured.smoke) if g]

    def score_rows(self) -> Iterator[tuple[str, str, str, str, str]]:
        """(suite, metric, score, 95 % interval, signature)"""
        for name, m in ((s.name, m) for s in self.measured.suites for m in s.metrics):
            span = m.test.baseline_interval
            bounds = f"{span.low:.2f}–{span.high:.2f}"
            yield name, METRICS[m.metric].title, f"{m.test.baseline:.2f}", bounds, m.signature

    def check_rows(self) -> Iterator[tuple[str, int, int]]:
        """(check, faulty sentences, of how many)"""
        for name, rate in check_totals(self.measured.suites).items():
            yield name, rate.baseline, rate.sentences
        if cases := sum(group.cases for group in self._groups()):
            yield "behaviour and smoke cases", len(self.failures), cases

    def to_json(self) -> dict[str, Any]:
        """Everything but the hypotheses."""
        suites = self.measured.suites
        return {
            "subject": asdict(self.measured.candidate),
            "scores": [
                {
                    "suite": s.name,
                    "metric": m.metric,
                    "score": m.test.baseline,
                    "interval": asdict(m.test.baseline_interval),
                    "signature": m.signature,
                }
                for s in suites
                for m in s.metrics
            ],
            "faults": {name: [r.baseline, r.sentences] for name, r in check_totals(suites).items()},
            "failures": [asdict(outcome) for outcome in self.failures],
            "cases": sum(group.cases for group in self._groups()),
            "suites": {suite.name: suite.digest for suite in suites},
        }


def run_single(
    subject: Subject, plan: MeasurementPlan, cache: AnswerCache, progress: Progress
) -> SingleResult:
    """Score a subject on the suites of a plan; its speed and pins are left out.

    Raises:
        CsanmtError: the subject could not answer.
    """
    plan = replace(plan, pins=(), speed=None)
    compared = compare_suites(subject, subject, plan, cache, progress)
    measured = measurements(subject, subject, plan, compared, progress)
    return SingleResult(measured, {c.suite.name: c.old for c in compared})


def write_single(result: SingleResult, folder: Path) -> None:
    """``scores.json`` and ``SUITE.en`` for every suite (line breaks become spaces).

    Raises:
        StorageError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(result.to_json(), ensure_ascii=False, indent=1)
        (folder / "scores.json").write_text(text + "\n", "utf-8")
        for name, lines in result.hypotheses.items():
            flat = "".join(" ".join(line.splitlines()) + "\n" for line in lines)
            (folder / f"{name}.en").write_text(flat, "utf-8")
    except OSError as error:
        raise StorageError(f"cannot write {folder}: {error.strerror}") from error
