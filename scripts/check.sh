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
if [ -d console/node_modules ]; then
    step npm --prefix console run --silent check
    [ "${1:-}" = lint ] || step npm --prefix console test --silent
else
    echo "== the console's own tests are skipped: console/node_modules is not there (npm ci)"
fi
[ "${1:-}" = lint ] || step $bin/python -m pytest -q -n auto --dist loadfile
exit $failed
