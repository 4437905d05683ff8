#!/bin/sh
# Create .venv and bring it to the frozen dependency sets. Idempotent: a stamp per
# set records the lock file it was made from, so a second run does nothing and
# needs no network.
#
# usage: install.sh serving|release|development|ray
set -eu
cd "$(dirname "$0")/.."
SET="${1:?usage: install.sh serving|release|development|ray}"
VENV="${VENV:-.venv}"
PYTHON="${PYTHON:-python3}"

stamp() { # stamp NAME FILE... : the stamp's name for these inputs
    name="$1"; shift
    printf '%s/.stamp-%s-%s' "$VENV" "$name" "$(cat "$@" | sha256sum | cut -c1-16)"
}

done_with() { # done_with STAMP NAME : replace older stamps of the same name
    rm -f "$VENV/.stamp-$2"-*
    : > "$1"
}

if [ ! -x "$VENV/bin/python" ]; then
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
        || { echo "csanmt-bento needs Python 3.11 or newer; set PYTHON=" >&2; exit 1; }
    "$PYTHON" -m venv "$VENV"
    "$VENV/bin/python" -m pip install --quiet --upgrade 'pip>=25'
fi
PIP="$VENV/bin/pip"
# With --quiet: errors alone. Warnings of an index's set-up are nothing that a reader can act on.
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_QUIET=1

took() { # took SECONDS_SINCE_1970 WORDS : say how long it took
    echo "$2: $(($(date +%s) - $1)) s"
}

locked() { # locked NAME FILE WORDS OPTION… : install a frozen set, where it changed
    name="$1" file="$2" words="$3"; shift 3
    S="$(stamp "$name" "$file")"
    [ ! -e "$S" ] || return 0
    echo "installing $words"
    began="$(date +%s)"
    "$PIP" install --quiet --no-deps "$@" -r "$file"
    done_with "$S" "$name"
    took "$began" "$words"
}

locked serving requirements-frozen.txt "the frozen serving dependencies" --require-hashes

S="$(stamp package pyproject.toml)"
if [ ! -e "$S" ]; then
    "$PIP" install --quiet --no-deps --editable .
    done_with "$S" package
fi

case "$SET" in
    release)
        locked release requirements/release-frozen.txt "the frozen set that builds releases" \
            --require-hashes ;;
    development | ray)
        locked development requirements/development-frozen.txt \
            "the frozen development dependencies" --require-hashes
        locked torch requirements/torch.txt "PyTorch" \
            ${TORCH_INDEX_URL:+--index-url "$TORCH_INDEX_URL"} ;;
esac
# Ray agrees with the development set pin by pin, and goes beside it.
[ "$SET" != ray ] || locked ray requirements/ray-frozen.txt "Ray" --require-hashes

build_engine() { # without a C++ compiler by one from the package index (zig); says why it failed
    log="$(mktemp)"
    trap 'rm -f "$log"' EXIT
    if [ -z "${CXX:-}" ] && ! { command -v c++ || command -v g++ || command -v clang++; } >/dev/null \
            && "$PIP" install --quiet 'ziglang==0.15.1' >"$log" 2>&1; then
        CXX="$(cd "$VENV/bin" && pwd)/zig-c++"
        printf '#!/bin/sh\nexec "%s/python" -m ziglang c++ "$@"\n' "${CXX%/*}" > "$CXX"
        chmod +x "$CXX"
        export CXX
    fi
    echo "building the native engine"
    "$PIP" install --quiet --no-deps ./engine >"$log" 2>&1 && return
    echo "the native engine could not be built. Last lines:" >&2
    tail -n 5 "$log" >&2
    return 1
}

# The engine is compiled here; its sources are the stamp.
# shellcheck disable=SC2046
S="$(stamp engine $(find engine -type f \( -name '*.cpp' -o -name '*.h' -o -name '*.hpp' -o -name 'CMakeLists.txt' -o -name 'pyproject.toml' -o -name '*.py' \) -not -path '*/build/*' | LC_ALL=C sort))"
if [ ! -e "$S" ]; then
    began="$(date +%s)"
    if build_engine; then
        done_with "$S" engine
        took "$began" "the native engine"
    elif "$VENV/bin/python" -c 'import csanmt_engine' 2>/dev/null; then
        echo "the native engine that was built before stays in use" >&2
    elif "$VENV/bin/python" -c 'import torch, transformers' 2>/dev/null; then
        echo "translation falls back to the torch engine, which is slower" >&2
    else
        echo "nothing here can translate: install a C++ compiler (g++ or clang) and try again," \
             "or run make install-dev for PyTorch's engine" >&2
        exit 1
    fi
fi
