#!/usr/bin/env bash
# Becomes the AWS emulator, on loopback and the port given, with the settings that Ownmesh's tests rely on. up.sh and
# internal/emulator start it so. Nothing is kept when it ends.
set -euo pipefail

port=${1:?which port}
binary=$(dirname "$0")/../.tools/emulator/bin/ministack
[ -x "$binary" ] || {
    printf 'error: no AWS emulator in .tools/emulator\nhint: run `make tools-emulator`\n' >&2
    exit 1
}

# What listens on ports of its own is off. AUTH checks signatures' users and roles, and their policies, as IAM does.
export BIND_HOST=127.0.0.1 GATEWAY_PORT="$port" AWS_ENDPOINT_URL="http://127.0.0.1:$port"
export IOT_MTLS_ENABLED=0 SFTP_ENABLED=0 AUTH=true
exec "$binary"
