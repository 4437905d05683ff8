#!/bin/sh
# What is known about the locked serving packages: make audit. Licences (pip-licenses, from the
# packages' own metadata), age (pip) and advisories (pip-audit).
# exit status 1 when a licence needs a decision (LGPL is one), an advisory is known, or no database
# of advisories could be asked: that is no all-clear.
set -eu
cd "$(dirname "$0")/.."
PYTHON="${VENV:-.venv}/bin/python"
LOCK=requirements-frozen.txt
names="$(sed -n 's/^\([a-z0-9._-]*\)==.*/\1/p' "$LOCK")"
status=0

echo "licences"
# shellcheck disable=SC2086
"$PYTHON" -m piplicenses --packages $names --from=mixed --format=plain \
    --partial-match --fail-on='GPL;SSPL;Proprietary;Non-Commercial' || status=1

echo "newer versions"
"$PYTHON" -m pip list --outdated 2>/dev/null | grep -wF "$names" || echo "none, or the index could not be asked"

echo "advisories"
"$PYTHON" -m pip_audit --requirement "$LOCK" --no-deps --disable-pip --strict \
    --progress-spinner off || status=1
exit "$status"
