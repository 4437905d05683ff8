#!/bin/sh
# Try the product with other versions of its libraries: make compat. Prints a row of the table in
# docs/compatibility.md for each set of pins: does it install, do ModelScope's goldens hold, does
# the native engine reproduce them, does the service start and pass the API tests?
#
# usage: compat.sh [NAME==VERSION…]      (without pins, the sets below)
#
# Each set gets a throw-away environment with the locked versions of all else that is asked for by
# name; torch and the engine are linked from .venv. exit status 1 if the locked set fails.
# shellcheck disable=SC2317 # functions are called through ask
set -eu
cd "$(dirname "$0")/.."
VENV="$(cd "${VENV:-.venv}" && pwd)"
PORT="${PORT:-3395}"
export OMP_NUM_THREADS=1 PYTHONPATH="$PWD" BENTOML_DO_NOT_TRACK=true
WORK="$(mktemp -d)"
trap 'rm -rf "$WORK"' EXIT

sets() {
    [ $# = 0 ] || { echo "$@"; return; }
    cat <<'LIST'

transformers==4.57.6 huggingface-hub==0.36.2
numpy==1.26.4 transformers==4.57.6 huggingface-hub==0.36.2
sentencepiece==0.2.0
bentoml==1.4.38
bentoml==1.4.37
transformers==4.35.2 numpy==1.23.5 tokenizers==0.15.2 huggingface-hub==0.36.2
LIST
}

install() { # install PIN…
    rm -rf "$WORK/env"
    "$VENV/bin/python" -m uv venv --quiet --python "$VENV/bin/python" "$WORK/env"
    printf '%s\n' "$@" > "$WORK/pins"
    # What is pinned here and what it needs may move; so may what only follows others.
    sed -nE 's/^([A-Za-z0-9._-]+==[^ ]+).*/\1/p' requirements/serving.in requirements/training.in |
        grep -vE "^($(sed 's/==.*/==/' "$WORK/pins" | paste -sd '|')|starlette==|pydantic==|setuptools==|fsspec==|filelock==|accelerate==)" > "$WORK/asked"
    printf '%s\n' starlette pydantic setuptools fsspec filelock accelerate \
        pytest pytest-timeout hypothesis httpx "$@" >> "$WORK/asked"
    echo torch > "$WORK/excluded"
    "$VENV/bin/python" -m uv pip install --quiet --python "$WORK/env/bin/python" \
        --requirement "$WORK/asked" --excludes "$WORK/excluded" || return 1
    there="$(echo "$WORK"/env/lib/python3*/site-packages)"
    for part in "$VENV"/lib/python3*/site-packages/torch* \
        "$VENV"/lib/python3*/site-packages/functorch \
        "$VENV"/lib/python3*/site-packages/csanmt_engine*; do
        [ ! -e "$part" ] || ln -sf "$part" "$there/"
    done
}

tests() { "$WORK/env/bin/python" -m pytest -x -q -p no:cacheprovider -W ignore -m 'not soak' "$@"; }

service() {
    CSANMT_MODEL_DIRECTORY="$PWD/model_store/default" CSANMT_WORKERS=1 CSANMT_PORT="$PORT" \
        BENTOML_HOME="$WORK/bentoml" "$WORK/env/bin/python" -m bentoml serve service:CsanmtService \
        --port "$PORT" > "$WORK/service.log" 2>&1 &
    server=$!
    answer=1
    curl --silent --fail --retry 120 --retry-delay 1 --retry-all-errors --output /dev/null \
        "http://127.0.0.1:$PORT/readyz" \
        && CSANMT_URL="http://127.0.0.1:$PORT" tests tests/api_test.py && answer=0
    kill "$server" 2>/dev/null || true
    wait "$server" || true
    [ "$answer" = 0 ] || tail -5 "$WORK/service.log"
    return "$answer"
}

ask() { # ask COMMAND…: put its answer into the row
    if "$@" > "$WORK/log" 2>&1 < /dev/null; then
        row="$row yes |"
    else
        row="$row no |"
        answers=1
        grep -E 'Error|because|FAILED' "$WORK/log" | head -1 >&2 || tail -1 "$WORK/log" >&2
        return 1
    fi
}

status=0
sets "$@" > "$WORK/sets"
while IFS= read -r pins; do
    row="| ${pins:-what ships} |" answers=0
    # shellcheck disable=SC2086
    if ask install $pins; then
        ask tests tests/csanmt/test_goldens.py || true
        ask tests tests/engine/test_native_goldens.py || true
        ask service || true
    fi
    echo "$row"
    [ -n "$pins" ] || status=$answers
done < "$WORK/sets"
exit "$status"
