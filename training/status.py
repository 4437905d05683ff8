"""Where a run stands, from what it writes: losses by domain, speed, what is left of its budget."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from csanmt.errors import NotFoundError
from training.plots import read_metrics

RECENT = 200  # steps that the training loss and the speed are taken over


@dataclass(frozen=True)
class Status:
    """A run's latest figures.

    loss: smoothed labels, mean of the recent steps, nats a token; tokens_per_second: over the
    recent steps of one command; minutes_left: of the budget, at most; evaluations: tokens and
    dev loss of every evaluation; domains: losses of held-out lines at the latest.
    """

    recipe: str
    stage: str
    step: int
    tokens: int
    minutes: float
    minutes_left: float
    rate: float
    loss: float
    tokens_per_second: float
    dev: float | None = None
    domains: dict[str, float] = field(default_factory=dict)
    evaluations: list[tuple[int, float]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def read_status(run: Path) -> Status:
    """
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
    minutes = last["seconds"] / 60
    return Status(
        recipe=recipe["name"],
        stage=last["stage"],
        step=last["step"],
        tokens=last["tokens"],
        minutes=round(minutes, 1),
        minutes_left=round(max(0.0, recipe["training"]["minutes"] - minutes), 1),
        rate=last["rate"],
        loss=sum(line["loss"] for line in recent) / len(recent),
        tokens_per_second=_speed(recent),
        dev=latest.get("loss"),
        domains={k.split("/")[1]: v for k, v in latest.items() if k.startswith("held/")},
        evaluations=[(line["tokens"], line["loss"]) for line in checks],
    )


def write_log(runs: Iterable[Path], out: Path) -> int:
    """Condense the metrics of runs, a trunk before its copy, to a line for every evaluation.

    Returns:
        lines written: run, step, target tokens, seconds, mean training loss since the line
        before, dev loss, losses by domain, tokens a second; and every change of data or settings.
    """
    lines = [line for run in runs for line in _condensed(run)]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return len(lines)


def _condensed(run: Path) -> Iterator[dict[str, Any]]:
    name = json.loads((run / "recipe.json").read_text(encoding="utf-8"))["name"]
    since: list[dict[str, Any]] = []
    for line in read_metrics(run / "metrics.jsonl"):
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
