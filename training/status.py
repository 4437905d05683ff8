"""Where a run stands, from what it writes: losses by domain, speed, what is left of its budget."""

from __future__ import annotations

import json
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


def _speed(steps: list[dict[str, Any]]) -> float:
    seconds = steps[-1]["seconds"] - steps[0]["seconds"]
    return (steps[-1]["tokens"] - steps[0]["tokens"]) / seconds if seconds > 0 else 0.0
