"""What is printed and written of measurements: tables, report, verdict, evidence, changes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import evidence
from benchmarks.gate import Verdict
from benchmarks.measurements import Measurements, SuiteResult, check_totals
from benchmarks.metrics import METRICS
from benchmarks.policy import Policy
from benchmarks.significance import p_text
from csanmt.errors import StorageError

MAX_CHANGES = 50  # of every suite in measurements.json; changes.jsonl has them all


def run_json(measured: Measurements) -> dict[str, Any]:
    """Of the baseline alone: all but its answers."""
    suites = measured.suites
    asked = [g for g in (*(measured.behaviour or ()), measured.smoke, measured.pins) if g]
    return {
        "subject": asdict(measured.baseline),
        "scores": [
            {"suite": s.name, "metric": m.metric, "score": m.test.baseline,
             "interval": asdict(m.test.baseline_interval), "signature": m.signature}
            for s in suites for m in s.metrics
        ],
        "faults": {name: [r.baseline, r.sentences] for name, r in check_totals(suites).items()},
        "failures": [asdict(outcome) for group in asked for outcome in group.old],
        "cases": sum(group.cases for group in asked),
        "suites": {suite.name: suite.digest for suite in suites},
    }  # fmt: skip


def write_run(folder: Path, found: Mapping[str, Any], suites: Sequence[SuiteResult]) -> None:
    """``run_json``'s as ``scores.json``, and a ``SUITE.en`` each (line breaks become spaces).

    Raises:
        StorageError: the folder cannot be written.
    """
    with _writing(folder):
        _dump(folder / "scores.json", found)
        for suite in suites:
            flat = "".join(" ".join(line.splitlines()) + "\n" for line in suite.answers)
            (folder / f"{suite.name}.en").write_text(flat, "utf-8")


def summary_rows(measured: Measurements) -> Iterator[tuple[str, ...]]:
    """(suite, metric, baseline, candidate, change, p of a loss) as printed."""
    parts = [(suite.name, suite.metrics) for suite in measured.suites]
    for name, metrics in [*parts, *([("all suites", measured.pooled)] if measured.pooled else [])]:
        for m in metrics:
            t = m.test
            yield (
                name,
                METRICS[m.metric].title,
                f"{t.baseline:.2f}",
                f"{t.candidate:.2f}",
                f"{t.delta:+.2f}",
                p_text(t.p_worse, t),
            )


def write_report(
    folder: Path, measured: Measurements, verdict: Verdict | None, policy: Policy
) -> None:
    """``report.html``, ``measurements.json`` and ``changes.jsonl``.

    Raises:
        StorageError: the folder cannot be written.
    """
    from benchmarks.report import render

    with _writing(folder):
        (folder / "report.html").write_text(render(measured, verdict, policy), "utf-8")
        _dump(folder / "measurements.json", measured.to_json(MAX_CHANGES))
        with (folder / "changes.jsonl").open("w", encoding="utf-8") as stream:
            for suite in measured.suites:
                for change in suite.changes:
                    row = {"suite": suite.name, **asdict(change)}
                    stream.write(json.dumps(row, ensure_ascii=False) + "\n")


def write_evidence(
    folder: Path, measured: Measurements | None, verdict: Verdict, policy: Policy, root: Path
) -> Path:
    """``evidence.json`` and ``verdict.json``; returns the former's path.

    Args:
        root: working tree whose commit is recorded.

    Raises:
        StorageError: the folder cannot be written.
    """
    with _writing(folder):
        _dump(folder / "verdict.json", verdict.to_json())
    path = folder / "evidence.json"
    evidence.write(path, evidence.build(verdict, measured, policy, root=root))
    return path


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise StorageError(f"cannot write {folder}: {error.strerror}") from error


def _dump(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", "utf-8")
