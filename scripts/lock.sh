#!/bin/sh
# Lock the three dependency sets again: make lock
set -eu
cd "$(dirname "$0")/.."
exec "${PYTHON:-.venv/bin/python}" -m release.lock "$@"
