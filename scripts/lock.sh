#!/bin/sh
# Lock the five dependency sets again: make lock. `--check` only says whether it is needed.
set -eu
cd "$(dirname "$0")/.."
PYTHONPATH=. exec "${VENV:-.venv}/bin/python" scripts/lock.py "$@"
