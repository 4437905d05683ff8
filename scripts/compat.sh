#!/bin/sh
# Try the product with other versions of its libraries: make compat PINS="numpy==1.26.4". Prints a
# row of the table in docs/compatibility.md: do they install, do ModelScope's goldens hold, does the
# native engine reproduce them, does the service start and pass the API tests?
#
# usage: compat.sh [NAME==VERSION…]
# The pins and what they need go into a throw-away environment, before all that lies in .venv.
# exit status 1 if what ships (no pins) fails.
# shellcheck disable=SC2317 # functions are called through ask
set -eu
cd "$(dirname "$0")/.."
VENV="$(cd "${VENV:-.venv}" && pwd)"
PORT="${PORT:-3395}"
export OMP_NUM_THREADS=1 PYTHONPATH="$PWD" BENTOML_DO_NOT_TRACK=true
WORK="$(mktemp -d)"
trap 'rm -rf "$WORK"' EXIT
PYTHON="$WORK/env/bin/python"
row="| ${*:-what ships} |" status=0

install() {
    "$VENV/bin/python" -m uv venv --quiet --python "$VENV/bin/python" "$WORK/env"
    echo "$VENV"/lib/python3*/site-packages > "$(echo "$WORK"/env/lib/python3*/site-packages)/locked.pth"
    [ $# = 0 ] || "$VENV/bin/python" -m uv pip install --quiet --python "$PYTHON" "$@"
}

tests() { "$PYTHON" -m pytest -x -q -p no:cacheprovider -W ignore -m 'not soak' "$@"; }

service() {
    CSANMT_MODEL_DIRECTORY="$PWD/model_store/default" CSANMT_WORKERS=1 CSANMT_PORT="$PORT" \
        BENTOML_HOME="$WORK/bentoml" "$PYTHON" -m bentoml serve service:CsanmtService --port "$PORT" &
    answer=0
    curl --silent --fail --retry 120 --retry-delay 1 --retry-all-errors "http://127.0.0.1:$PORT/readyz" \
        && CSANMT_URL="http://127.0.0.1:$PORT" tests tests/api_test.py || answer=1
    kill $! || true
    wait $! || true
    return "$answer"
}

ask() { # ask COMMAND…: put its answer into the row
    "$@" > "$WORK/log" 2>&1 < /dev/null && row="$row yes |" && return
    row="$row no |" status=1
    grep -iE 'Error|because|FAILED' "$WORK/log" | head -1 >&2 || tail -1 "$WORK/log" >&2
    return 1
}

if ask install "$@"; then
    ask tests tests/csanmt/test_goldens.py || true
    ask tests tests/engine/test_native_goldens.py || true
    ask service || true
fi
echo "$row"
[ $# -gt 0 ] || exit "$status"
