#!/bin/sh
# The one place that decides where PyTorch comes from.
#
# Plain `torch` on Linux is a CUDA build of several gigabytes. The CPU build has
# its own package index; set TORCH_INDEX_URL to it (PyTorch's install page names
# it) or to a mirror. Without it pip takes whatever its configuration offers.
set -eu
PIP="${1:?usage: install_torch.sh PATH_TO_PIP}"
TORCH="torch==2.13.0"
if [ -n "${TORCH_INDEX_URL:-}" ]; then
    exec "$PIP" install --quiet --no-deps "$TORCH" --index-url "$TORCH_INDEX_URL"
fi
exec "$PIP" install --quiet --no-deps "$TORCH"
