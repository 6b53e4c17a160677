#!/usr/bin/env bash
# Finds the AWS emulator that tests start, or installs it into .tools/emulator. Prints one line that says which it is.
#
# Order: $AWS_ENDPOINT_URL (one that is running already), .tools/emulator, and only then PyPI (versions pinned in
# emulator-requirements.txt). Tests look in the same order: internal/emulator. Run again it only looks. It needs no root.
set -euo pipefail

cd "$(dirname "$0")/.."
venv=.tools/emulator
requirements=tools/emulator-requirements.txt

# installed tells whether the pinned version is there.
installed() {
    [ -x "$venv/bin/ministack" ] && [ -f "$venv/requirements.txt" ] && cmp -s "$venv/requirements.txt" "$requirements"
}

if [ -n "${AWS_ENDPOINT_URL:-}" ]; then
    printf 'emulator: %s (from $AWS_ENDPOINT_URL)\n' "$AWS_ENDPOINT_URL"
    exit 0
fi
if ! installed; then
    command -v python3 >/dev/null || {
        printf 'error: no AWS emulator found, and no python3 to install one with\nhint: install Python 3, or set AWS_ENDPOINT_URL to a running emulator\n' >&2
        exit 1
    }
    echo "emulator: installing $(grep '^ministack' "$requirements") into $venv, 60 MB, once"
    rm -rf "$venv"
    mkdir -p .tools
    python3 -m venv "$venv" >.tools/emulator.log 2>&1 || {
        printf 'error: python3 has no venv with ensurepip, so the AWS emulator could not be installed\n' >&2
        printf 'hint: install one (Debian: apt-get install python3-venv), or set AWS_ENDPOINT_URL to a running emulator\n' >&2
        exit 1
    }
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "$requirements"
    cp "$requirements" "$venv/requirements.txt"
fi
printf 'emulator: %s (%s)\n' "$venv/bin/ministack" "$(basename "$requirements")"
