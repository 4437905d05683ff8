#!/bin/sh
# Build and install the native engine. Without a C++ compiler one from the package
# index is used (zig). Status 1, and why, if that fails too: what then is the caller's.
set -u
cd "$(dirname "$0")/.." || exit 1
PIP="${1:?usage: install_engine.sh PATH_TO_PIP}"
LOG="$(mktemp)"
trap 'rm -f "$LOG"' EXIT

if [ -z "${CXX:-}" ] && ! command -v c++ >/dev/null && ! command -v g++ >/dev/null \
        && ! command -v clang++ >/dev/null; then
    if "$PIP" install --quiet 'ziglang==0.15.1' >"$LOG" 2>&1; then
        BIN="$(dirname "$PIP")"
        printf '#!/bin/sh\nexec "%s/python" -m ziglang c++ "$@"\n' "$(cd "$BIN" && pwd)" > "$BIN/zig-c++"
        chmod +x "$BIN/zig-c++"
        CXX="$(cd "$BIN" && pwd)/zig-c++"
        export CXX
    fi
fi
echo "building the native engine"
if "$PIP" install --quiet --no-deps ./engine >"$LOG" 2>&1; then
    exit 0
fi
echo "the native engine could not be built. Last lines:" >&2
tail -n 5 "$LOG" >&2
exit 1
