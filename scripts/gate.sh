#!/bin/sh
# Judge the model that release.toml pins against the one of the release before, and put the
# evidence where `csanmt release verify` looks for it.
#
# usage: gate.sh VERSION [OPTION of `csanmt bench gate`, e.g. --retrained or --waive …]
#
# With CSANMT_SIGNING_KEY (a key file) the evidence is signed. The model of the release before is
# fetched by that release's own release.toml.
#
# The first release has nothing before it and is compared with itself: every absolute
# rule of the policy still applies.
set -eu
cd "$(dirname "$0")/.."
VERSION="${1:?usage: gate.sh VERSION [OPTION…]}"
shift
BIN="${VENV:-.venv}/bin"
OUT="${OUT:-dist/gate}"

pinned() { # pinned FILE: the model's tag in a release.toml
    sed -n '/^\[model\]/,/^\[/s/^tag = "\(.*\)"/\1/p' "$1"
}

"$BIN/csanmt" release fetch
CANDIDATE="$(pinned release.toml)"
BASELINE="$CANDIDATE"
WORK="$(mktemp -d)"
trap 'rm -rf "$WORK"' EXIT
PREVIOUS="$(git describe --tags --abbrev=0 --match 'v*' 'HEAD^' 2>/dev/null || true)"
if [ -n "$PREVIOUS" ] && git show "$PREVIOUS:release.toml" > "$WORK/release.toml" 2>/dev/null; then
    BASELINE="$(pinned "$WORK/release.toml")"
    if ! "$BIN/csanmt" release fetch --manifest "$WORK" 2>/dev/null; then
        # The model that stood in the repository then.
        git archive "$PREVIOUS" model_store/default | tar -x -C "$WORK"
        BASELINE="$WORK/model_store/default"
    fi
fi
echo "gate: $VERSION with $CANDIDATE against $BASELINE of ${PREVIOUS:-itself}"
"$BIN/csanmt" bench gate "$CANDIDATE" --baseline "$BASELINE" --out "$OUT" --quiet "$@"
for folder in dist/"$VERSION"-*; do
    cp "$OUT/evidence.json" "$folder/evidence.json"
    rm -f "$folder/evidence.json.sig"
    [ ! -f "$OUT/evidence.json.sig" ] || cp "$OUT/evidence.json.sig" "$folder/"
done
