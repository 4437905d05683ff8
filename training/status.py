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


LEFT, RIGHT, TOP, BOTTOM = 60, 500, 30, 190  # of the curves
LINES = (("training", "training", "#888"), ("dev", "loss", "#06c"))  # name, key, colour


def draw_curves(metrics: Path, out: Path) -> bool:
    """Draw training and dev loss over target tokens; false if nothing was evaluated yet."""
    checks = [line for line in evaluations(metrics) if "loss" in line]
    if not checks:
        return False
    most = checks[-1]["tokens"] or 1
    high = max(check[key] for check in checks for _, key, _ in LINES) or 1.0
    parts = [
        '<rect width="520" height="220" fill="#fff"/>',
        f'<text x="{LEFT}" y="12">nats a token, over million target tokens</text>',
    ]
    for quarter in range(5):
        x, y = (a + (b - a) * quarter / 4 for a, b in ((LEFT, RIGHT), (BOTTOM, TOP)))
        parts.append(
            f'<path stroke="#ddd" d="M{LEFT} {y}H{RIGHT}"/>'
            f'<text x="{LEFT - 30}" y="{y + 4}">{high * quarter / 4:.3g}</text>'
            f'<text x="{x - 8}" y="{BOTTOM + 18}">{most * quarter / 4e6:.3g}</text>'
        )
    for number, (name, key, colour) in enumerate(LINES):
        points = " ".join(
            f"{LEFT + (RIGHT - LEFT) * check['tokens'] / most:.1f},"
            f"{BOTTOM - (BOTTOM - TOP) * check[key] / high:.1f}"
            for check in checks
        )
        parts.append(f'<polyline fill="none" stroke="{colour}" points="{points}"/>')
        parts.append(f'<text x="{380 + 80 * number}" y="12" fill="{colour}">{name}</text>')
    head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 520 220" font-size="12">'
    out.write_text(f"{head}{''.join(parts)}</svg>\n", encoding="utf-8")
    return True


def _speed(steps: list[dict[str, Any]]) -> float:
    seconds = steps[-1]["seconds"] - steps[0]["seconds"]
    return (steps[-1]["tokens"] - steps[0]["tokens"]) / seconds if seconds > 0 else 0.0
