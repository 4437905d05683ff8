"""The generated monitoring files are current, and Prometheus' own tool accepts them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from release.rollout.monitoring import DEPLOY, files
from release.rollout.thresholds import Thresholds
from release.rollout.traffic import SHARE_METRIC
from serving import metric_names

needs_promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="no promtool")


@pytest.mark.parametrize("path", sorted(files(Thresholds.read())))
def test_generated_files_are_current(path: Path) -> None:
    wanted = files(Thresholds.read())[path]
    assert (DEPLOY / path).read_text() == wanted, "run python -m release.rollout.monitoring"


def test_every_metric_that_is_queried_is_published() -> None:
    published = {spec.name for spec in metric_names.ALL} | {SHARE_METRIC}
    text = "".join(files(Thresholds.read()).values())
    queried = {name.removesuffix("_bucket") for name in re.findall(r"\bcsanmt_[a-z_]+", text)}
    assert queried
    assert queried <= published


def test_every_threshold_reaches_the_rules() -> None:
    limits = Thresholds.read()
    rules = files(limits)[Path("prometheus/alerts.yml")]
    for limit in (limits.max_error_rate, limits.max_p95_seconds, *limits.health.values()):
        assert f"> {limit})" in rules


def test_the_dashboard_is_one_grafana_can_read() -> None:
    dashboard = json.loads((DEPLOY / "grafana/csanmt.json").read_text())
    identities = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(identities)) == len(identities) >= 10
    assert all(panel["targets"][0]["expr"] for panel in dashboard["panels"])


@needs_promtool
@pytest.mark.parametrize(
    "command",
    [
        ["check", "config", "prometheus.yml"],
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "alerts.test.yml"],
    ],
)
def test_promtool_accepts(command: list[str]) -> None:
    done = subprocess.run(
        ["promtool", *command], cwd=DEPLOY / "prometheus", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
