#!/bin/sh
# Print the changelog's section of one version, for the release's page.
# usage: release_notes.sh VERSION      (v1.2.0; v1.2.0-fix-name is v1.2.0's)
set -eu
cd "$(dirname "$0")/.."
VERSION="${1:?usage: release_notes.sh VERSION}"
base="$(echo "$VERSION" | sed -E 's/^v?([0-9]+\.[0-9]+\.[0-9]+).*/\1/')"
notes="$(awk -v head="## [$base]" '/^## \[/ { here = index($0, head) == 1; next } here' CHANGELOG.md)"
[ -n "$notes" ] || { echo "CHANGELOG.md says nothing about $VERSION" >&2; exit 4; }
echo "$notes" | sed '/./,$!d'
