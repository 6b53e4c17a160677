#!/usr/bin/env bash
# Starts the AWS emulator in the foreground, and prints what to export in another shell. Ctrl-C ends it, and everything in
# it. PORT names another port than 4566.
set -euo pipefail

cd "$(dirname "$0")"
port=${PORT:-4566}
endpoint=http://127.0.0.1:$port

if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    printf 'error: something listens on 127.0.0.1:%s already\nhint: end it, or choose another port: make localstack-up PORT=4567\n' "$port" >&2
    exit 1
fi

dir=$(mktemp -d -t ownmesh-localstack.XXXXXX) # Lambdas unpacked, and the log
log=$dir/log
TMPDIR=$dir STATE_DIR=$dir ./start.sh "$port" >"$log" 2>&1 &
emulator=$!

# It may not hear a SIGTERM.
stop() {
    trap - EXIT INT TERM
    kill "$emulator" 2>/dev/null || true
    for _ in {1..30}; do
        kill -0 "$emulator" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL "$emulator" 2>/dev/null || true
    wait "$emulator" 2>/dev/null || true
    rm -rf "$dir"
}
trap stop EXIT
trap 'exit 0' INT TERM

for _ in {1..600}; do
    if curl -fsS -o /dev/null "$endpoint/_localstack/health" 2>/dev/null; then
        ready=1
        break
    fi
    kill -0 "$emulator" 2>/dev/null || break
    sleep 0.1
done
if [ -z "${ready:-}" ]; then
    cat "$log" >&2
    printf 'error: the emulator does not answer on %s\n' "$endpoint" >&2
    exit 1
fi

cat <<TEXT
The AWS emulator listens on $endpoint; Ctrl-C ends it. In another shell:

export AWS_ENDPOINT_URL=$endpoint
export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test

Then \`aws\`, the SDKs, cdk and Ownmesh's own tests use it. Its log is $log.
TEXT
wait "$emulator"
