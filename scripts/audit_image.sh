#!/bin/sh
# Ask what is known of the packages that lie in an image: Python's by pip-audit, and Debian's
# by debsecan where that is installed.
#
# usage: audit_image.sh IMAGE [SUITE]     (an image of the local container storage; bookworm)
# exit status 1 when a Python package in it has a known advisory
set -eu
cd "$(dirname "$0")/.."
IMAGE="${1:?usage: audit_image.sh IMAGE [SUITE]}"
SUITE="${2:-bookworm}"
PYTHON="${PYTHON:-${VENV:-.venv}/bin/python}"

container="$(buildah from --pull-never "$IMAGE")"
trap 'buildah rm "$container" > /dev/null' EXIT
root="$(buildah mount "$container")"

status=0
found="$(find "$root" -xdev -type d -name site-packages -not -path '*/ensurepip/*')"
[ -n "$found" ] || { echo "no Python packages in $IMAGE" >&2; exit 2; }
for packages in $found; do
    echo "Python packages in ${packages#"$root"}"
    "$PYTHON" -m pip_audit --path "$packages" --progress-spinner off || status=1
done

if [ -f "$root/var/lib/dpkg/status" ] && command -v debsecan > /dev/null; then
    echo "Debian packages with a fix that is not installed"
    debsecan --suite "$SUITE" --status "$root/var/lib/dpkg/status" --only-fixed || status=1
else
    echo "Debian packages: NOT CHECKED (debsecan is not installed)" >&2
fi
exit "$status"
