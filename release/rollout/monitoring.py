"""Prometheus rules and scrape configurations and Grafana's dashboard, written from one source.

Metric names come from ``serving/metric_names.py``, limits from ``deploy/thresholds.toml``;
``python -m release.rollout.monitoring`` writes the files and a test says when they are stale.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from csanmt.source_tree import SOURCE_TREE
from release.rollout.metrics import TRANSLATING
from release.rollout.nginx import NginxSettings
from release.rollout.thresholds import Thresholds
from release.rollout.traffic import SHARE_METRIC
from serving import metric_names as names

DEPLOY = SOURCE_TREE / "deploy"
WINDOW = "2m"
HEADER = (
    "# Written by `python -m release.rollout.monitoring` from deploy/thresholds.toml; "
    "do not edit.\n"
)
KEY_FILE = "/etc/prometheus/csanmt-key"
KEY_HINT = f"""\
  # In the copy that you run, where the service asks for API keys: a file with a key of
  # the scope `metrics`.
  # authorization:
  #   credentials_file: {KEY_FILE}
"""
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


def percentile(q: float, selector: str = "", by: str = "colour, model, le") -> str:
    """The q-quantile of the users' latency in seconds."""
    extra = f",{selector}" if selector else ""
    buckets = rate(names.REQUEST_SECONDS.name + "_bucket", USERS + extra, by)
    return f"histogram_quantile({q}, {buckets})"


def health_share(signal: str, selector: str = "", by: str = "colour, model") -> str:
    """Share of the translated sentences that show ``signal``."""
    extra = f",{selector}" if selector else ""
    shown = rate(names.HEALTH.name, f'signal="{signal}"{extra}', by)
    return f"{shown} / {rate(names.SEGMENTS.name, selector, by)}"


def enough(limits: Thresholds, selector: str = "", by: str = "colour, model") -> str:
    """A condition that is true only with enough answers in the window to judge by."""
    extra = f",{selector}" if selector else ""
    total = f"sum by ({by}) (increase({names.REQUESTS.name}{{{USERS}{extra}}}[{WINDOW}]))"
    return f"{total} >= {limits.min_requests}"


def alert_rules(limits: Thresholds) -> dict[str, Any]:
    """The rule file as data: one alert a limit."""
    judged = f" and on (colour, model) ({enough(limits)})"
    rules = [
        # An idle colour may well be empty; where no nginx says who has traffic, all count.
        _alert("CsanmtDown", f'up{{job="csanmt"}} == 0 unless on (colour) {SHARE_METRIC} == 0',
               "30s", "page", "{{ $labels.colour }} does not answer"),
        _alert("CsanmtFrontDown", 'up{job="csanmt-front"} == 0', "30s", "page",
               "nginx does not answer", "csanmt release status"),
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


def _alert(
    name: str,
    expression: str,
    lasting: str,
    severity: str,
    summary: str,
    action: str = "csanmt release rollback",
) -> dict[str, Any]:
    return {
        "alert": name,
        "expr": expression,
        "for": lasting,
        "labels": {"severity": severity},
        "annotations": {"summary": summary, "action": action},
    }


def scrape_config(front: NginxSettings = NginxSettings()) -> dict[str, Any]:
    """Prometheus' configuration for one machine: both colours, and nginx for its traffic."""
    targets = [
        {"targets": [address], "labels": {"colour": colour}}
        for colour, address in (("blue", front.blue), ("green", front.green))
    ]
    return {
        "global": {"scrape_interval": "5s", "evaluation_interval": "10s"},
        "rule_files": ["alerts.yml"],
        "scrape_configs": [
            {"job_name": "csanmt", "static_configs": targets},
            {
                "job_name": "csanmt-front",
                "metrics_path": "/-/metrics",
                "static_configs": [{"targets": [front.listen]}],
            },
        ],
    }


def kubernetes_scrape_config() -> dict[str, Any]:
    """The same in a cluster: pods of ours, whose label ``colour`` their Deployment sets."""
    keep = {"source_labels": ["__meta_kubernetes_pod_label_app"], "regex": "csanmt"}
    port = {"source_labels": ["__meta_kubernetes_pod_container_port_name"], "regex": "http"}
    return {
        **scrape_config(),
        "scrape_configs": [
            {
                "job_name": "csanmt",
                "kubernetes_sd_configs": [{"role": "pod"}],
                "relabel_configs": [
                    {**keep, "action": "keep"},
                    {**port, "action": "keep"},
                    {
                        "source_labels": ["__meta_kubernetes_pod_label_colour"],
                        "target_label": "colour",
                    },
                    {"source_labels": ["__meta_kubernetes_pod_name"], "target_label": "pod"},
                ],
            }
        ],
    }


def dashboard(limits: Thresholds) -> dict[str, Any]:
    """Grafana's dashboard: traffic by version, latency, errors, health, memory."""
    legend = "{{colour}} {{model}}"
    series = [
        ("Share of the traffic", [(SHARE_METRIC, "{{colour}}")], "percent", None),
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
    switches = f"changes({SHARE_METRIC}[30s]) > 0"
    return {
        "uid": "csanmt",
        "title": "CSANMT translation",
        "schemaVersion": 39,
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "10s",
        "templating": {"list": []},
        "annotations": {"list": [{
            "name": "Switches", "enable": True, "iconColor": "orange",
            "datasource": {"type": "prometheus", "uid": "prometheus"},
            "expr": switches, "titleFormat": "the share of {{colour}} changed",
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


def _with_key_hint(configuration: dict[str, Any], **dump: Any) -> str:
    """The scrape configuration as YAML, with what keys would need beside the service's job."""
    job = "- job_name: csanmt\n"
    return HEADER + yaml.safe_dump(configuration, **dump).replace(job, job + KEY_HINT)


def files(limits: Thresholds) -> dict[Path, str]:
    """Path below ``deploy/`` → content of every generated file."""
    dump: dict[str, Any] = {"sort_keys": False, "width": 1000, "allow_unicode": True}
    return {
        Path("prometheus/prometheus.yml"): _with_key_hint(scrape_config(), **dump),
        Path("prometheus/alerts.yml"): HEADER + yaml.safe_dump(alert_rules(limits), **dump),
        Path("grafana/csanmt.json"): json.dumps(dashboard(limits), indent=1) + "\n",
        Path("kubernetes/prometheus.yml"): _with_key_hint(kubernetes_scrape_config(), **dump),
    }


def main() -> None:
    for path, content in files(Thresholds.read()).items():
        target = DEPLOY / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
