#!/bin/sh
# Judge the model of the release being built against the one of the release before, and
# put the evidence where `csanmt release verify` looks for it.
#
# usage: gate.sh VERSION
#
# With CSANMT_SIGNING_KEY (a key file) the evidence is signed.
#
# The first release has nothing before it and is compared with itself: every absolute
# rule of the policy still applies.
set -eu
cd "$(dirname "$0")/.."
VERSION="${1:?usage: gate.sh VERSION}"
BIN="${VENV:-.venv}/bin"
OUT="${OUT:-dist/gate}"
CANDIDATE=model_store/default
BASELINE="$CANDIDATE"

WORK="$(mktemp -d)"
trap 'rm -rf "$WORK"' EXIT
PREVIOUS="$(git describe --tags --abbrev=0 --match 'v*' 'HEAD^' 2>/dev/null || true)"
if [ -n "$PREVIOUS" ] && git archive "$PREVIOUS" "$CANDIDATE" 2>/dev/null | tar -x -C "$WORK"; then
    BASELINE="$WORK/$CANDIDATE"
fi
echo "gate: $VERSION against ${PREVIOUS:-itself}"
"$BIN/csanmt" bench gate "$CANDIDATE" --baseline "$BASELINE" --out "$OUT" --quiet
for folder in dist/"$VERSION"-*; do
    cp "$OUT/evidence.json" "$folder/evidence.json"
    rm -f "$folder/evidence.json.sig"
    [ ! -f "$OUT/evidence.json.sig" ] || cp "$OUT/evidence.json.sig" "$folder/"
done
