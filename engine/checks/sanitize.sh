#!/bin/sh
# Build the engine with AddressSanitizer and UndefinedBehaviorSanitizer, run its tests on that
# build, those that damage engine.bin for FUZZ_SECONDS. Nothing is installed: the build lives in engine/build/sanitize.
#
# usage: [TESTS="tests/engine/…"] sanitize.sh [FUZZ_SECONDS]
set -eu
cd "$(dirname "$0")/../.."
PYTHON="${PYTHON:-${VENV:-.venv}/bin/python}"
SECONDS_TO_FUZZ="${1:-60}"
BUILD="$PWD/engine/build/sanitize"
TOOLS="$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_path("scripts"))')"
PATH="$TOOLS:$PATH"
export PATH

cmake -S engine -B "$BUILD" -DSKBUILD=ON -DCSANMT_SANITIZE=ON \
    -DCMAKE_BUILD_TYPE=None -DPython_EXECUTABLE="$("$PYTHON" -c 'import sys; print(sys.executable)')" \
    > /dev/null
cmake --build "$BUILD" -j "$(nproc)" > /dev/null
rm -rf "$BUILD/package"
mkdir -p "$BUILD/package/csanmt_engine"
cp engine/csanmt_engine/*.py "$BUILD"/_native*.so "$BUILD/package/csanmt_engine/"

CXX="${CXX:-g++}"
# Python itself is not instrumented and keeps memory to the end: no leak check there.
ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 OMP_NUM_THREADS=1 \
LD_PRELOAD="$("$CXX" -print-file-name=libasan.so) $("$CXX" -print-file-name=libubsan.so)" \
FUZZ_SECONDS="$SECONDS_TO_FUZZ" PYTHONPATH="$BUILD/package" \
"$PYTHON" -m pytest -q ${TESTS:-tests/engine}
