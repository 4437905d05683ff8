#!/bin/sh
# Run the tests of other translation servers' clients and of servers like ours against this one:
#   scripts/foreign_suites.sh DIR…     checkouts of LibreTranslate, deepl-python, deepl-node,
#                                      Weblate, Mastodon; they are read, never written
# prints pass, skip and fail with the reason; exit status 1 if a failure is ours.
set -eu
cd "$(dirname "$0")/.."
PYTHONPATH=. exec "${VENV:-.venv}/bin/python" scripts/foreign_suites.py "$@"
