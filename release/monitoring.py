"""Prometheus rules, Grafana dashboard and Argo analysis, written from one source.

Metric names come from ``serving/metric_names.py``, limits from ``deploy/thresholds.toml``;
``python -m release.monitoring`` writes the files and a test says when they are stale.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from release.samples import TRANSLATING
from release.thresholds import Thresholds
from serving import metric_names as names

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
WINDOW = "2m"
HEADER = "# Written by `python -m release.monitoring` from deploy/thresholds.toml; do not edit.\n"
USERS = f'endpoint=~"{"|".join(TRANSLATING)}"'


def rate(metric: str, selector: str = "", by: str = "colour, model") -> str:
    return f"sum by ({by}) (rate({metric}{{{selector}}}[{WINDOW}]))"


def error_rate(selector: str = "") -> str:
    """Share of the users' answers with status 5xx."""
    extra = f",{selector}" if selector else ""
    errors = rate(names.REQUESTS.name, f'{USERS},status=~"5.."{extra}')
    return f"({errors} or 0 * {rate(names.REQUESTS.name, USERS + extra)}) / " + rate(
        names.REQUESTS.name, USERS + extra
    )


def percentile(q: float, selector: str = "") -> str:
    """The q-quantile of the users' latency in seconds."""
    extra = f",{selector}" if selector else ""
    buckets = rate(names.REQUEST_SECONDS.name + "_bucket", USERS + extra, "colour, model, le")
    return f"histogram_quantile({q}, {buckets})"


def health_share(signal: str, selector: str = "") -> str:
    """Share of the translated sentences that show ``signal``."""
    extra = f",{selector}" if selector else ""
    shown = rate(names.HEALTH.name, f'signal="{signal}"{extra}')
    return f"{shown} / {rate(names.SEGMENTS.name, selector)}"


def enough(limits: Thresholds) -> str:
    """A condition that is true only with enough answers in the window to judge by."""
    total = f"sum by (colour, model) (increase({names.REQUESTS.name}{{{USERS}}}[{WINDOW}]))"
    return f"{total} >= {limits.min_requests}"


def alert_rules(limits: Thresholds) -> dict[str, Any]:
    """The rule file as data: one alert a limit."""
    judged = f" and on (colour, model) ({enough(limits)})"
    rules = [
        _alert("CsanmtDown", 'up{job="csanmt"} == 0', "30s", "page",
               "{{ $labels.colour }} does not answer"),
        _alert("CsanmtErrors", f"({error_rate()} > {limits.max_error_rate}){judged}", "1m", "page",
               "{{ $value | humanizePercentage }} of {{ $labels.model }}'s answers are errors"),
        _alert("CsanmtSlow", f"({percentile(0.95)} > {limits.max_p95_seconds}){judged}", "2m",
               "page", "p95 of {{ $labels.model }} is {{ $value | humanizeDuration }}"),
    ]  # fmt: skip
    for signal, limit in limits.health.items():
        title = "".join(part.capitalize() for part in signal.split("_"))
        rules.append(
            _alert(f"CsanmtHealth{title}", f"({health_share(signal)} > {limit}){judged}", "2m",
                   "ticket", f"{{{{ $value | humanizePercentage }}}} of "
                   f"{{{{ $labels.model }}}}'s sentences are {signal}")
        )  # fmt: skip
    return {"groups": [{"name": "csanmt", "interval": "10s", "rules": rules}]}


def _alert(name: str, expression: str, lasting: str, severity: str, summary: str) -> dict[str, Any]:
    return {
        "alert": name,
        "expr": expression,
        "for": lasting,
        "labels": {"severity": severity},
        "annotations": {"summary": summary, "action": "csanmt release rollback"},
    }


def scrape_config() -> dict[str, Any]:
    """Prometheus' configuration for one machine; targets are the compose file's names."""
    targets = [
        {"targets": [f"{colour}:3000"], "labels": {"colour": colour}}
        for colour in ("blue", "green")
    ]
    return {
        "global": {"scrape_interval": "5s", "evaluation_interval": "10s"},
        "rule_files": ["alerts.yml"],
        "scrape_configs": [{"job_name": "csanmt", "static_configs": targets}],
    }


def dashboard(limits: Thresholds) -> dict[str, Any]:
    """Grafana's dashboard: traffic by version, latency, errors, health, memory."""
    legend = "{{colour}} {{model}}"
    series = [
        ("Requests a second", [(rate(names.REQUESTS.name, USERS), legend)], "reqps", None),
        ("Errors", [(error_rate(), legend)], "percentunit", limits.max_error_rate),
        ("Latency p50", [(percentile(0.5), legend)], "s", None),
        ("Latency p95", [(percentile(0.95), legend)], "s", limits.max_p95_seconds),
        ("Latency p99", [(percentile(0.99), legend)], "s", None),
        ("Sentences waiting", [(names.QUEUE_SENTENCES.name, legend)], "short", None),
        ("Memory", [(f"sum by (colour, process) ({names.RESIDENT_MEMORY.name})",
                     "{{colour}} {{process}}")], "bytes", None),
    ]  # fmt: skip
    series += [
        (f"Health: {signal}", [(health_share(signal), legend)], "percentunit", limit)
        for signal, limit in limits.health.items()
    ]
    panels = [_panel(i, *row) for i, row in enumerate(series)]
    switches = f"changes({names.BUILD_INFO.name}[1m]) > 0"
    return {
        "uid": "csanmt",
        "title": "CSANMT translation",
        "schemaVersion": 39,
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "10s",
        "templating": {"list": []},
        "annotations": {"list": [{
            "name": "Versions", "enable": True, "iconColor": "orange",
            "datasource": {"type": "prometheus", "uid": "prometheus"},
            "expr": switches, "titleFormat": "{{model}} on {{colour}}",
        }]},
        "panels": panels,
    }  # fmt: skip


def _panel(
    index: int, title: str, queries: list[tuple[str, str]], unit: str, limit: float | None
) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if limit is not None:
        steps.append({"color": "red", "value": limit})
    style = "line" if limit is not None else "off"
    return {
        "id": index + 1,
        "type": "timeseries",
        "title": title,
        "datasource": {"type": "prometheus", "uid": "prometheus"},
        "gridPos": {"h": 8, "w": 8, "x": 8 * (index % 3), "y": 8 * (index // 3)},
        "targets": [
            {"refId": chr(65 + i), "expr": expression, "legendFormat": legend}
            for i, (expression, legend) in enumerate(queries)
        ],
        "fieldConfig": {
            "defaults": {
                "unit": unit,
                "thresholds": {"mode": "absolute", "steps": steps},
                "custom": {"thresholdsStyle": {"mode": style}},
            },
            "overrides": [],
        },
    }


def analysis_template(limits: Thresholds) -> dict[str, Any]:
    """Argo Rollouts' AnalysisTemplate with the same limits, for the argument ``colour``."""
    selector = 'colour="{{args.colour}}"'
    limit_of = [("error-rate", error_rate(selector), limits.max_error_rate),
                ("p95", percentile(0.95, selector), limits.max_p95_seconds)]  # fmt: skip
    limit_of += [
        (f"health-{signal.replace('_', '-')}", health_share(signal, selector), limit)
        for signal, limit in limits.health.items()
    ]
    metrics = [
        {
            "name": name,
            "interval": "30s",
            "failureLimit": limits.bad_checks,
            # No traffic is no verdict: an empty or NaN result passes.
            "successCondition": f"len(result) == 0 || isNaN(result[0]) || result[0] <= {limit}",
            "provider": {"prometheus": {"address": "{{args.prometheus}}", "query": expression}},
        }
        for name, expression, limit in limit_of
    ]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": {"name": "csanmt"},
        "spec": {
            "args": [
                {"name": "colour"},
                {"name": "prometheus", "value": "http://prometheus:9090"},
            ],
            "metrics": metrics,
        },
    }


def files(limits: Thresholds) -> dict[Path, str]:
    """Path below ``deploy/`` → content of every generated file."""
    dump: dict[str, Any] = {"sort_keys": False, "width": 1000, "allow_unicode": True}
    return {
        Path("prometheus/prometheus.yml"): HEADER + yaml.safe_dump(scrape_config(), **dump),
        Path("prometheus/alerts.yml"): HEADER + yaml.safe_dump(alert_rules(limits), **dump),
        Path("grafana/csanmt.json"): json.dumps(dashboard(limits), indent=1) + "\n",
        Path("kubernetes/rollouts/analysis.yaml"): HEADER
        + yaml.safe_dump(analysis_template(limits), **dump),
    }


def main() -> None:
    for path, content in files(Thresholds.read()).items():
        target = DEPLOY / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
