#!/usr/bin/env bash
# Finds an AWS CLI that knows App Mesh, or installs one into .tools/aws-cli. Prints one line that says which it is.
#
# Order: aws on PATH, .tools/aws-cli, and only then PyPI (versions pinned in aws-requirements.txt). The examples look
# in the same order: examples/kit/kit.sh. Only examples need it. Run again it only looks. It needs no root.
set -euo pipefail

cd "$(dirname "$0")/.."
venv=.tools/aws-cli

knows() { # an aws: whether it has App Mesh's commands
    "$1" appmesh create-mesh --generate-cli-skeleton >/dev/null 2>&1
}

if path=$(command -v aws) && knows "$path"; then
    printf 'aws: %s (on PATH)\n' "$path"
    exit 0
fi
if ! [ -x "$venv/bin/aws" ] || ! knows "$venv/bin/aws"; then
    command -v python3 >/dev/null || {
        printf 'error: no AWS CLI found, and no python3 to install one with\nhint: install Python 3, or the AWS CLI\n' >&2
        exit 1
    }
    echo "aws: installing $(grep '^awscli' tools/aws-requirements.txt) into $venv, 20 MB, once"
    rm -rf "$venv"
    mkdir -p .tools
    python3 -m venv "$venv" >.tools/aws-cli.log 2>&1 || {
        printf 'error: python3 has no venv with ensurepip, so the AWS CLI could not be installed\n' >&2
        printf 'hint: install one (Debian: apt-get install python3-venv), or the AWS CLI\n' >&2
        exit 1
    }
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r tools/aws-requirements.txt
fi
knows "$venv/bin/aws" || { printf 'error: the AWS CLI in %s has no App Mesh\nhint: remove it and try again\n' "$venv" >&2; exit 1; }
printf 'aws: %s (aws-requirements.txt)\n' "$venv/bin/aws"
