"""Check deploy/ by the tools of those who will read it; called by scripts/lint_deploy.sh.

Kubernetes: the objects as kubectl's kustomize builds them, against Kubernetes' own schemas.
Compose: resolved by podman-compose, and the result parsed by the compose specification's types.
Grafana: read into its own data model and back.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import compose_spec
import kubernetes_validate
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
TOOLS = Path(sys.executable).parent


def run(*command: str, text: str = "", **variables: str) -> str:
    """Run a tool and return its output; its complaint ends the program."""
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, env={**os.environ, **variables}
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")
    return done.stdout


def kubernetes() -> None:
    text = run(str(TOOLS / "kubectl"), "kustomize", str(DEPLOY / "kubernetes"))
    objects: list[dict[str, Any]] = list(yaml.safe_load_all(text))
    for found in objects:
        try:
            kubernetes_validate.validate(found, kubernetes_validate.latest_version(), True)
        except kubernetes_validate.ValidationError as error:
            sys.exit(f"kubernetes {found['kind']}: {error.message}")
    print(f"kubernetes: {len(objects)} objects")


def compose() -> None:
    path = DEPLOY / "compose.yaml"
    wanted = set(yaml.safe_load(path.read_text())["services"])
    text = run(
        str(TOOLS / "podman-compose"), "-f", str(path), "--profile", "both", "config",
        SITE="/srv/csanmt", BLUE_IMAGE="csanmt:v1.0.0-abc1234",
    )  # fmt: skip
    try:
        parsed = compose_spec.PyCompose.from_yaml(text)
        parsed.validate()
    except ValueError as error:
        sys.exit(f"compose.yaml, as resolved: {error}")
    if set(parsed.service_names()) != wanted or "${" in text:
        sys.exit(f"compose.yaml: of {sorted(wanted)} only {parsed.service_names()} were resolved")
    print(f"compose.yaml: {', '.join(sorted(wanted))}")


def grafana() -> None:
    written = json.loads((DEPLOY / "grafana" / "csanmt.json").read_text())
    model = Dashboard.from_json(written)
    again = json.loads(JSONEncoder(sort_keys=True).encode(model))
    lost = [key for key in written if key not in again]
    if lost or len(again["panels"]) != len(written["panels"]):
        sys.exit(f"grafana/csanmt.json: Grafana's own model does not know {lost or 'its panels'}")
    for before, after in zip(written["panels"], again["panels"], strict=True):
        if unknown := set(before) - set(after):
            sys.exit(f"grafana/csanmt.json: {before['title']}: no such keys {sorted(unknown)}")
    print(f"grafana/csanmt.json: {len(again['panels'])} panels")


if __name__ == "__main__":
    kubernetes()
    compose()
    grafana()
