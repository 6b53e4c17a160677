#!/usr/bin/env bash
# Installs what infra/ is checked and deployed with into .tools/infra: the CDK command line and cdk-nag (tools/infra/
# package-lock.json), and cfn-lint (tools/infra/requirements.txt). Run again it only looks. It needs no root.
set -euo pipefail

cd "$(dirname "$0")/.."
to=.tools/infra

# installed tells whether the pinned versions are there.
installed() {
    [ -x "$to/node_modules/.bin/cdk" ] && [ -x "$to/venv/bin/cfn-lint" ] && cmp -s tools/infra/package-lock.json "$to/package-lock.json" &&
        cmp -s tools/infra/requirements.txt "$to/requirements.txt"
}

command -v node >/dev/null || {
    printf 'error: no node found: CDK runs on it, also when the application is written in Go\nhint: install Node.js 20 or later\n' >&2
    exit 1
}
if ! installed; then
    for program in npm python3; do
        command -v "$program" >/dev/null || {
            printf 'error: no %s found to install the tools of infra/ with\nhint: install Node.js with npm, and Python 3 with venv\n' "$program" >&2
            exit 1
        }
    done
    echo "infra: installing the CDK command line, cdk-nag and cfn-lint into $to, 400 MB, once"
    rm -rf "$to"
    mkdir -p "$to"
    cp tools/infra/package.json tools/infra/package-lock.json "$to/"
    (cd "$to" && npm ci --no-audit --no-fund --loglevel=error >npm.log 2>&1) || { cat "$to/npm.log" >&2; exit 1; }
    python3 -m venv "$to/venv"
    "$to/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r tools/infra/requirements.txt
    cp tools/infra/requirements.txt "$to/requirements.txt"
fi
printf 'infra: cdk %s, cdk-nag and cfn-lint in %s\n' "$(node -p "require('./$to/node_modules/aws-cdk/package.json').version")" "$to"
