#!/usr/bin/env bash
# Becomes the AWS emulator, on loopback and the port given, with the settings that Ownmesh's tests rely on. up.sh and
# internal/emulator start it so. Nothing is kept when it ends.
set -euo pipefail

port=${1:?which port}
bin=$(dirname "$0")/../.tools/emulator/bin
[ -x "$bin/ministack" ] || {
    printf 'error: no AWS emulator in .tools/emulator\nhint: run `make tools-emulator`\n' >&2
    exit 1
}

# What listens on ports of its own is off. AUTH checks signatures' users and roles, and their policies, as IAM does; false
# lets everybody do everything.
export BIND_HOST=127.0.0.1 GATEWAY_PORT="$port" AWS_ENDPOINT_URL="http://127.0.0.1:$port"
export IOT_MTLS_ENABLED=0 SFTP_ENABLED=0 AUTH="${AUTH:-true}"
# By its Python: the program's first line has the place where the checkout was when it was installed.
exec "$bin/python" "$bin/ministack"
