"""The monitoring files agree with thresholds and metric names, and promtool accepts them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest
import yaml

from csanmt.source_tree import SOURCE_TREE
from release.rollout.metrics import TRANSLATING
from release.rollout.settings import NginxSettings
from release.rollout.thresholds import Thresholds
from release.rollout.traffic import SHARE_METRIC
from serving import metric_names

DEPLOY = SOURCE_TREE / "deploy"
FILES = (
    "prometheus/prometheus.yml",
    "prometheus/alerts.yml",
    "kubernetes/prometheus.yml",
    "grafana/csanmt.json",
)
LIMITS = Thresholds.read()
needs_promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="no promtool")


def rules() -> dict[str, str]:
    """Alert → its expression."""
    groups = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())["groups"]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}


def panels() -> dict[str, dict[str, object]]:
    return {
        p["title"]: p for p in json.loads((DEPLOY / "grafana/csanmt.json").read_text())["panels"]
    }


def title(signal: str) -> str:
    return "CsanmtHealth" + "".join(part.capitalize() for part in signal.split("_"))


def test_every_metric_and_endpoint_that_is_queried_is_published() -> None:
    published = {spec.name for spec in metric_names.ALL} | {SHARE_METRIC}
    text = "".join((DEPLOY / path).read_text() for path in FILES)
    queried = {name.removesuffix("_bucket") for name in re.findall(r"\bcsanmt_[a-z_]+", text)}
    assert queried
    assert queried <= published
    endpoints = set(re.findall(r'endpoint=~\\?"([^"\\]+)', text))
    assert endpoints == {"|".join(TRANSLATING)}


LIMITED = {
    "CsanmtErrors": LIMITS.max_error_rate,
    "CsanmtSlow": LIMITS.max_p95_seconds,
    **{title(signal): limit for signal, limit in LIMITS.health.items()},
}


def test_there_is_one_alert_a_limit() -> None:
    assert set(rules()) == {*LIMITED, "CsanmtDown", "CsanmtFrontDown"}


@pytest.mark.parametrize(("alert", "limit"), LIMITED.items())
def test_an_alert_has_the_threshold_and_needs_as_many_answers(alert: str, limit: float) -> None:
    expression = rules()[alert]
    assert f"> {limit})" in expression
    assert expression.endswith(f">= {LIMITS.min_requests})")


@pytest.mark.parametrize(
    ("panel", "limit"),
    [
        ("Errors", LIMITS.max_error_rate),
        ("Latency p95", LIMITS.max_p95_seconds),
        *((f"Health: {signal}", limit) for signal, limit in LIMITS.health.items()),
    ],
)
def test_the_dashboard_draws_the_threshold(panel: str, limit: float) -> None:
    steps = panels()[panel]["fieldConfig"]["defaults"]["thresholds"]["steps"]  # type: ignore[index]
    assert steps[-1] == {"color": "red", "value": limit}


def test_the_dashboard_is_one_grafana_can_read() -> None:
    identities = [panel["id"] for panel in panels().values()]
    assert len(set(identities)) == len(identities) >= 10
    assert all(panel["targets"][0]["expr"] for panel in panels().values())  # type: ignore[index]


def test_what_is_scraped_stands_where_a_site_has_it_by_default() -> None:
    jobs = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())["scrape_configs"]
    found = {
        target for job in jobs for group in job["static_configs"] for target in group["targets"]
    }
    front = NginxSettings()
    assert found == {front.blue, front.green, front.listen}


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
