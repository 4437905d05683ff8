"""The files of a comparison: report, verdict, evidence, measurements, changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import evidence
from benchmarks.gate import Verdict
from benchmarks.measurements import Measurements
from benchmarks.metrics import METRICS
from benchmarks.policy import Policy
from benchmarks.significance import p_text
from csanmt.errors import StorageError

MAX_CHANGES = 50  # of every suite in measurements.json; changes.jsonl has them all


def summary_rows(measured: Measurements) -> Iterator[tuple[str, str, str, str, str, str]]:
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
    """``report.html``, ``measurements.json``, ``changes.jsonl`` and, if judged, ``verdict.json``.

    Raises:
        StorageError: the folder cannot be written.
    """
    from benchmarks.report import render

    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.html").write_text(render(measured, verdict, policy), "utf-8")
        _dump(folder / "measurements.json", measured.to_json(MAX_CHANGES))
        with (folder / "changes.jsonl").open("w", encoding="utf-8") as stream:
            for row in _change_rows(measured):
                stream.write(json.dumps(row, ensure_ascii=False) + "\n")
        if verdict is not None:
            _dump(folder / "verdict.json", verdict.to_json())
    except OSError as error:
        raise StorageError(f"cannot write {folder}: {error.strerror}") from error


def write_evidence(
    folder: Path, measured: Measurements | None, verdict: Verdict, policy: Policy, root: Path
) -> Path:
    """``evidence.json`` and ``verdict.json``; returns the former's path.

    Args:
        root: working tree whose commit is recorded.

    Raises:
        StorageError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _dump(folder / "verdict.json", verdict.to_json())
    except OSError as error:
        raise StorageError(f"cannot write {folder}: {error.strerror}") from error
    path = folder / "evidence.json"
    evidence.write(path, evidence.build(verdict, measured, policy, root=root))
    return path


def _change_rows(measured: Measurements) -> Iterator[dict[str, Any]]:
    for suite in measured.suites:
        for change in suite.changes:
            yield {"suite": suite.name, **asdict(change)}


def _dump(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", "utf-8")
