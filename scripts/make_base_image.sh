#!/bin/sh
# Make the base image from Debian packages, for where no image registry can be
# reached: a minimal bookworm with Python 3.11 and CA certificates.
#
# usage: make_base_image.sh [IMAGE]      (default localhost/python:3.11-slim)
#
# Idempotent: an image of that name is left alone; FORCE=1 makes it again.
# Needs root, debootstrap and buildah.
set -eu
IMAGE="${1:-localhost/python:3.11-slim}"
SUITE="${SUITE:-bookworm}"

if [ -z "${FORCE:-}" ] && buildah inspect --type image "$IMAGE" >/dev/null 2>&1; then
    echo "$IMAGE is there"
    exit 0
fi
for tool in debootstrap buildah; do
    command -v "$tool" >/dev/null || { echo "$tool is not installed" >&2; exit 7; }
done

WORK="$(mktemp -d)"
trap 'rm -rf "$WORK"' EXIT
TREE="$WORK/root"
echo "making $IMAGE from Debian $SUITE"
debootstrap --variant=minbase --include=python3,ca-certificates "$SUITE" "$TREE" \
    >"$WORK/log" 2>&1 || { tail -n 20 "$WORK/log" >&2; exit 1; }

# What only an installation needs, and what differs from one run to the next.
rm -rf "$TREE"/var/cache/* "$TREE"/var/lib/apt/lists/* "$TREE"/var/log/* \
    "$TREE"/usr/share/doc/* "$TREE"/usr/share/man/* "$TREE"/usr/share/info/* \
    "$TREE"/usr/share/locale/* "$TREE"/usr/share/lintian/* \
    "$TREE"/usr/share/zoneinfo/* "$TREE"/usr/lib/*/gconv/* \
    "$TREE"/etc/machine-id "$TREE"/etc/resolv.conf "$TREE"/etc/hostname
find "$TREE/usr/lib" -name __pycache__ -type d -prune -exec rm -rf {} +
chroot "$TREE" python3 -m compileall -q --invalidation-mode unchecked-hash /usr/lib/python3.11 \
    >/dev/null 2>&1 || true
ln -sf python3 "$TREE/usr/bin/python"

container="$(buildah from scratch)"
buildah add --quiet "$container" "$TREE" / >/dev/null
buildah config --cmd python3 --label "org.opencontainers.image.base.name=debian:$SUITE" \
    --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --env LANG=C.UTF-8 "$container"
buildah commit --quiet --rm "$container" "$IMAGE" >/dev/null
buildah inspect --type image --format '{{.FromImageDigest}}' "$IMAGE"
