#!/bin/sh
# Lock the five dependency sets, hashes included, from one resolution: make lock.
#
# usage: lock.sh [--upgrade [NAME…]]   pins stay but those named; without names all may move
#        lock.sh --check               write nothing; status 1 and the difference if they are stale
#
# development.in contains serving and training, so it is resolved first; its result constrains
# the other sets, which therefore agree with it pin by pin and can be installed beside it. A locked
# set is a full closure: pip install --no-deps --require-hashes. torch is in none: its CPU build
# lies on another index than everything else (requirements/torch.txt).
#
# Not uv.lock and `uv export`: uv.lock names the index and the address of every file, which depend
# on where it is made, and resolves torch.
set -eu
cd "$(dirname "$0")/.."
BIN="${VENV:-.venv}/bin"
WORK="$(mktemp -d)"
trap 'rm -rf "$WORK"' EXIT
mkdir "$WORK/requirements"
echo torch > "$WORK/excluded"

check='' upgrade=''
case "${1:-}" in
    --check) check=yes ;;
    --upgrade) shift; upgrade="--upgrade"; [ $# = 0 ] || upgrade="$(printf ' --upgrade-package %s' "$@")" ;;
esac

status=0
for set in development training serving ray release; do
    file="requirements/$set-frozen.txt"
    [ "$set" != serving ] || file=requirements-frozen.txt
    [ ! -e "$file" ] || cp "$file" "$WORK/$file"
    constraint=''
    [ "$set" = development ] || constraint="--constraint $WORK/requirements/development-frozen.txt"
    # shellcheck disable=SC2086
    "$BIN/python" -m uv pip compile --quiet --universal --python-version 3.11 \
        --fork-strategy fewest --generate-hashes --no-emit-index-url --no-emit-find-links \
        --custom-compile-command 'make lock' --excludes "$WORK/excluded" \
        $constraint $upgrade --output-file "$WORK/$file" "requirements/$set.in"
    sed -i -E '/^ +# +(via )?-c /d' "$WORK/$file" # where the constraint lay
    if grep -nE 'https?://|file://|--(extra-)?index-url|--find-links' "$WORK/$file"; then
        echo "$file would name an index" >&2
        exit 1
    fi
    if [ -n "$check" ]; then
        diff -U1 "$file" "$WORK/$file" || status=1
    else
        cp "$WORK/$file" "$file"
        echo "$set: $(grep -c '^[a-z0-9].*==' "$file") pins in $file"
    fi
done
exit "$status"
