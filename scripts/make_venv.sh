#!/usr/bin/env bash
# Makes $VENV from the locked requirements and puts this checkout on its path.
# Safe to run again: what is there already is kept.
set -euo pipefail

python=${PYTHON:-python3}
venv=${VENV:-.venv}

fail() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

command -v "$python" >/dev/null ||
    fail "no $python here; install Python 3.11 or later, or name one: make setup PYTHON=..."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version) is too old; Python 3.11 or later is needed: make setup PYTHON=..."

# Debian splits venv off the interpreter.
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] ||
        fail "$python lacks the module venv; on Debian or Ubuntu: apt-get install python3-venv"
    apt-get update --quiet
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet python3-venv
fi

# An environment that points at an interpreter which is gone is of no use.
if ! "$venv/bin/python" -c 'import pip' 2>/dev/null; then
    "$python" -m venv --clear "$venv"
fi

"$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --require-hashes --requirement requirements/dev.txt
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --no-deps --no-build-isolation --editable .
