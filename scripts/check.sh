#!/usr/bin/env bash
# Style, types, layers, tests: all of them run, the first failure is not the last.
set -u
cd "$(dirname "$0")/.."
bin=.venv/bin
failed=0
step() { echo "== $*"; "$@" || failed=1; }

step $bin/ruff check .
step $bin/ruff format --check .
step $bin/mypy
step $bin/lint-imports --no-cache
[ "${1:-}" = lint ] || step $bin/python -m pytest -q -n auto
exit $failed
