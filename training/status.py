"""Where a run stands, from what it writes: losses by domain, speed, what is left of its budget."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from csanmt.errors import NotFoundError

RECENT = 200  # steps that the training loss and the speed are taken over


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Every complete line of JSON; a line cut off by a kill is skipped."""
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        with suppress(ValueError):
            lines.append(json.loads(text))
    return lines


def read_status(run: Path) -> dict[str, Any]:
    """A run's latest figures, by name.

    ``loss``: smoothed labels, mean of the recent steps, nats a token; ``tokens_per_second``: over
    the recent steps of one command; ``minutes_left``: of the budget, at most; ``dev`` and
    ``domains``: losses of dev and of held-out lines at the latest evaluation.

    Raises:
        NotFoundError: the directory holds no run that has made a step.
    """
    metrics, record = run / "metrics.jsonl", run / "recipe.json"
    lines = read_metrics(metrics) if metrics.is_file() else []
    steps = [line for line in lines if line["event"] == "step"]
    if not steps or not record.is_file():
        raise NotFoundError(f"{str(run)!r} holds no run that has made a step")
    recipe, last = json.loads(record.read_text(encoding="utf-8")), steps[-1]
    recent = [line for line in steps[-RECENT:] if line["stage"] == last["stage"]]
    checks = [line for line in lines if line["event"] == "evaluation"]
    latest = checks[-1] if checks else {}
    left = last.get("left", 60 * recipe["training"]["minutes"] - last["seconds"])
    return {
        "recipe": recipe["name"],
        **{key: last[key] for key in ("stage", "step", "tokens")},
        "minutes": round(last["seconds"] / 60, 1),
        "minutes_left": round(max(0.0, left / 60), 1),
        "rate": last["rate"],
        "loss": sum(line["loss"] for line in recent) / len(recent),
        "tokens_per_second": _speed(recent),
        "dev": latest.get("loss"),
        "domains": {k.split("/")[1]: v for k, v in latest.items() if k.startswith("held/")},
    }


def write_log(runs: Iterable[Path], out: Path) -> int:
    """Write the evaluations of runs, a trunk before its copy; returns how many lines."""
    lines = [line for run in runs for line in evaluations(run / "metrics.jsonl")]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return len(lines)


def evaluations(metrics: Path) -> Iterator[dict[str, Any]]:
    """A run's metrics condensed to a line for every evaluation and change of data or settings.

    It holds recipe, step, target tokens and seconds, the mean training loss since the line
    before, dev loss, losses by domain, and tokens a second.
    """
    record = metrics.with_name("recipe.json")
    name = json.loads(record.read_text(encoding="utf-8"))["name"] if record.is_file() else ""
    since: list[dict[str, Any]] = []
    for line in read_metrics(metrics):
        where = {"recipe": name, **{key: line[key] for key in ("step", "tokens", "seconds")}}
        if line["event"] == "changed":
            yield {**where, "changed": line["settings"], "data": line["data"]}
        elif line["event"] == "evaluation":
            losses = {k: round(v, 4) for k, v in line.items() if k == "loss" or k[:5] == "held/"}
            training = sum(x["loss"] for x in since) / max(len(since), 1)
            speed = round(_speed(since)) if since else 0
            yield {**where, "training": round(training, 4), **losses, "tokens_per_second": speed}
            since = []
        elif line["stage"] == "translation":
            since.append(line)


def _speed(steps: list[dict[str, Any]]) -> float:
    seconds = steps[-1]["seconds"] - steps[0]["seconds"]
    return (steps[-1]["tokens"] - steps[0]["tokens"]) / seconds if seconds > 0 else 0.0
