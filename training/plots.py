"""Learning curves from a run's ``metrics.jsonl``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Every complete line; a line cut off by a kill is skipped."""
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except ValueError:
            continue
    return lines


def write_curves(metrics: Path, out: Path) -> bool:
    """Loss, dev loss and rate over target tokens as one picture.

    Returns:
        False, writing nothing, where matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    lines = [line for line in read_metrics(metrics) if line["stage"] == "translation"]
    steps = [line for line in lines if line["event"] == "step"]
    checks = [line for line in lines if line["event"] == "evaluation"]
    figure = Figure(figsize=(8, 5), layout="constrained")
    loss, rate = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    tokens = [line["tokens"] for line in steps]
    loss.plot(tokens, _smooth([line["loss"] for line in steps]), label="training, smoothed labels")
    if checks:
        loss.plot([c["tokens"] for c in checks], [c["loss"] for c in checks], "o-", label="dev")
    loss.set_ylabel("nats a token")
    loss.legend()
    rate.plot(tokens, [line["rate"] for line in steps])
    rate.set_ylabel("learning rate")
    rate.set_xlabel("target tokens")
    figure.savefig(out, dpi=110)
    return True


def _smooth(values: list[float], weight: float = 0.98) -> list[float]:
    """Exponential mean, unbiased at the start."""
    mean, total, out = 0.0, 0.0, []
    for value in values:
        mean, total = weight * mean + (1 - weight) * value, weight * total + (1 - weight)
        out.append(mean / total)
    return out
