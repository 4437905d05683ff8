#!/bin/sh
# Build the engine with AddressSanitizer and UndefinedBehaviorSanitizer, run its tests on that
# build, then fuzz engine.bin. Nothing is installed: the build lives in engine/build/sanitize.
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

cmake -S engine -B "$BUILD" -DSKBUILD=ON -DCSANMT_SANITIZE=ON -DCSANMT_BUILD_CHECKS=ON \
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
PYTHONPATH="$BUILD/package" "$PYTHON" -m pytest -q ${TESTS:-tests/engine}

"$PYTHON" - "$BUILD/seed.bin" <<'PYTHON'
import sys
from pathlib import Path
from benchmarks.engine.models import Dimensions, native_model
made = native_model(Dimensions(1, 1, 32, 64, 4, 500, 1), Path(sys.argv[1] + ".d"))
Path(sys.argv[1]).write_bytes(made.read_bytes())
PYTHON
"$BUILD/fuzz_model_file" "$BUILD/seed.bin" "$SECONDS_TO_FUZZ"
