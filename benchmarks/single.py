"""One subject alone: scores with intervals, faults, behaviour cases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.answers import AnswerCache, suite_statistics, translate_suite
from benchmarks.behaviour import Outcome, load_tables, run_behaviour
from benchmarks.checks import CHECKS
from benchmarks.compare import Plan, smoke_outcomes
from benchmarks.measurements import SubjectInfo
from benchmarks.metrics import METRICS
from benchmarks.progress import Progress, Silent
from benchmarks.significance import Interval, score_interval
from benchmarks.subject import Subject
from benchmarks.suite import Suite
from csanmt.errors import StorageError


@dataclass(frozen=True, slots=True)
class Score:
    """A score never travels without its signature."""

    suite: str
    metric: str
    score: float
    interval: Interval
    signature: str


@dataclass(frozen=True, slots=True)
class SingleResult:
    """``faults``: check → (faulty, sentences it applies to), over all suites."""

    subject: SubjectInfo
    scores: tuple[Score, ...]
    faults: dict[str, tuple[int, int]]
    failures: tuple[Outcome, ...]
    cases: int
    suites: dict[str, str]
    hypotheses: dict[str, list[str]]

    def to_json(self) -> dict[str, Any]:
        """Everything but the hypotheses."""
        value = asdict(self)
        del value["hypotheses"]
        return value

    def score_rows(self) -> Iterator[tuple[str, str, str, str, str]]:
        for s in self.scores:
            span = f"{s.interval.low:.2f}–{s.interval.high:.2f}"
            yield s.suite, METRICS[s.metric].title, f"{s.score:.2f}", span, s.signature

    def check_rows(self) -> Iterator[tuple[str, int, int]]:
        for name, (faulty, of) in self.faults.items():
            yield name, faulty, of
        if self.cases:
            yield "behaviour and smoke cases", len(self.failures), self.cases


def run_single(
    subject: Subject,
    plan: Plan,
    cache: AnswerCache = AnswerCache(),
    progress: Progress | None = None,
) -> SingleResult:
    """Score a subject on the suites of a plan; its speed and pins are left out.

    Raises:
        CsanmtError: the subject could not answer.
    """
    progress = progress or Silent()
    hypotheses: dict[str, list[str]] = {}
    scores: list[Score] = []
    faults = {check.name: (0, 0) for check in CHECKS}
    for suite in plan.suites:
        lines = translate_suite(subject, suite, cache, progress, plan.workers)
        hypotheses[suite.name] = lines
        scores += _scores(suite, lines, plan, cache, progress)
        for name, counted in _faults(suite, lines).items():
            faults[name] = (faults[name][0] + counted[0], faults[name][1] + counted[1])
    outcomes: list[Outcome] = []
    if subject.kind != "hypotheses":
        outcomes = run_behaviour(subject, load_tables(), progress)
        outcomes += smoke_outcomes(subject, plan.smoke) if plan.smoke else []
    return SingleResult(
        subject=SubjectInfo.of(subject),
        scores=tuple(scores),
        faults={name: counted for name, counted in faults.items() if counted[1]},
        failures=tuple(outcome for outcome in outcomes if outcome.problem),
        cases=len(outcomes),
        suites={suite.name: suite.digest for suite in plan.suites},
        hypotheses=hypotheses,
    )


def _scores(
    suite: Suite, lines: list[str], plan: Plan, cache: AnswerCache, progress: Progress
) -> Iterator[Score]:
    if not suite.references:
        return
    for key in plan.metrics:
        found = suite_statistics(key, suite, lines, cache, workers=plan.workers, progress=progress)
        span = score_interval(METRICS[key], found.rows, plan.sampling)
        yield Score(suite.name, key, found.score(), span, found.signature)


def _faults(suite: Suite, lines: list[str]) -> dict[str, tuple[int, int]]:
    found = {}
    references = suite.references[0] if suite.references else [None] * len(lines)
    for check in CHECKS:
        rows = zip(suite.sources, lines, references, strict=True)
        applied = [row for row in rows if check.applies(row[0], row[2])]
        found[check.name] = (sum(check.find(*row) is not None for row in applied), len(applied))
    return found


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
