#!/bin/sh
# Build the engine for 64-bit ARM, run its kernels under qemu's user emulation, and compare what
# they compute with what every kernel set of this processor computes: all digests must be equal.
# Needs aarch64-linux-gnu-g++ and qemu-aarch64 (Debian: g++-aarch64-linux-gnu, qemu-user).
#
# usage: arm.sh [ENGINE_FILE...]   (default: a small random model)
set -eu
cd "$(dirname "$0")/../.."
PYTHON="${PYTHON:-${VENV:-.venv}/bin/python}"
BUILD="$PWD/engine/build/arm"
TOOLS="$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_path("scripts"))')"
PATH="$TOOLS:$PATH"
export PATH

build() { # build FOLDER CMAKE_OPTION... : compile the digest there
    folder="$1"; shift
    cmake -S engine -B "$folder" -DCSANMT_BUILD_CHECKS=ON "$@" > /dev/null
    cmake --build "$folder" --target digest -j "$(nproc)" > /dev/null
}

build "$BUILD/here"
build "$BUILD/aarch64" -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
    -DCMAKE_CXX_COMPILER="${ARM_CXX:-aarch64-linux-gnu-g++}" -DCMAKE_EXE_LINKER_FLAGS=-static

if [ "$#" -eq 0 ]; then
    "$PYTHON" - "$BUILD/model" <<'PYTHON'
import sys
from pathlib import Path
from benchmarks.engine.models import KEYS, native_model
native_model(dict(zip(KEYS, (2, 2, 48, 96, 3, 500, 2))), Path(sys.argv[1]))
PYTHON
    set -- "$BUILD/model/engine.bin"
fi
"$BUILD/here/digest" "$@" | tee "$BUILD/here.txt"
qemu-aarch64 "$BUILD/aarch64/digest" "$@" | sed 's/ portable / aarch64 /' | tee "$BUILD/aarch64.txt"
different="$(awk '{ if ($1 in seen && seen[$1] != $3) print $1; seen[$1] = $3 }' \
    "$BUILD/here.txt" "$BUILD/aarch64.txt")"
if [ -n "$different" ]; then
    echo "differs on ARM: $different" >&2
    exit 1
fi
echo "ARM computes the same bits"
