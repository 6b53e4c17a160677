# What the examples share: a mesh on this machine, applications, and an Envoy beside each. Scripts source it.
#
#   appmesh COMMAND …              aws appmesh COMMAND …, against this mesh
#   app NAME serve|grpc …          starts an application (examples/kit/app)
#   sidecar KIND/NAME [APP]        starts an Envoy for a virtual node or gateway, with the application behind it
#   settled                        waits until all Envoys have what was changed
#   address SIDECAR SERVICE:PORT   where a sidecar's application calls that backend
#   ask SIDECAR SERVICE:PORT PATH [CURL'S OPTIONS]     calls it, and prints the answer
#   enter GATEWAY PORT PATH [CURL'S OPTIONS]           calls a gateway from outside
#   shows WHAT WANT GOT            fails the example unless GOT matches the pattern WANT
#
# Nodes are found by awsCloudMap, in namespace shop.local, under their own names. All processes end with the script;
# their logs stay if it fails.
set -euo pipefail

kit_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
kit_bin=${OWNMESH_BIN:-$kit_root/bin}
kit=$(mktemp -d "${TMPDIR:-/tmp}/ownmesh-example-XXXXXX")
kit_pids=()

kit_end() {
    local status=$?
    trap - EXIT
    [ "${#kit_pids[@]}" = 0 ] || kill "${kit_pids[@]}" 2>/dev/null || true
    wait
    if [ "$status" = 0 ]; then
        rm -rf "$kit"
    else
        printf 'error: the example failed (exit code %s)\nhint: the logs of all its processes are in %s\n' "$status" "$kit" >&2
    fi
    exit "$status"
}
trap kit_end EXIT

kit_need() { # a program, how to get it
    command -v "$1" >/dev/null || { printf 'error: there is no %s\nhint: %s\n' "$1" "$2" >&2; exit 1; }
}

kit_start() { # name, command …
    local name=$1
    shift
    "$@" >"$kit/$name.log" 2>&1 &
    kit_pids+=($!)
}

kit_said() { # name, pattern: waits for a line of a process's, and prints what follows the pattern
    for _ in $(seq 400); do
        if grep -q "^$2" "$kit/$1.log" 2>/dev/null; then
            sed -n "s/^$2//p" "$kit/$1.log" | head -n 1
            return
        fi
        sleep 0.05
    done
    printf 'error: %s did not say %s within 20 s\n' "$1" "$2" >&2
    return 1
}

kit_json() { # file, expression on d
    python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"
}

kit_need "$kit_bin/ownmesh" '`make build` makes it'
kit_need curl 'install it'
kit_envoy=${ENVOY:-$(command -v envoy || ls "$kit_root"/.tools/venv/lib/python*/site-packages/envoy/_bin/envoy)}
kit_aws=$kit_root/.tools/aws-cli/bin/aws
if aws appmesh create-mesh --generate-cli-skeleton >/dev/null 2>&1; then # not every AWS CLI knows App Mesh any more
    kit_aws=$(command -v aws)
fi
kit_need "$kit_aws" '`make tools-aws` installs it'

kit_start ownmesh "$kit_bin/ownmesh" up --data "$kit/data" --api 127.0.0.1:0 --xds 127.0.0.1:0 --admin 127.0.0.1:0
read -r kit_api kit_xds _ <<<"$(kit_said ownmesh 'ready ')"
export OWNMESH_ENDPOINT=http://${kit_api#api=}
# The API on loopback asks for no credentials, but the AWS CLI does.
export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION=us-east-1 AWS_PAGER=

appmesh() {
    printf '$ aws appmesh %s\n' "$1"
    "$kit_aws" --endpoint-url "$OWNMESH_ENDPOINT" appmesh "$@" >"$kit/answer.json"
}

app() {
    local name=$1
    shift
    kit_start "app-$name" "$kit_bin/example-app" "$@" --name "$name"
    kit_said "app-$name" 'listening on ' >"$kit/app-$name.address"
}

sidecar() {
    local name=${1#*/} options=()
    [ $# = 1 ] || options=(--application "8080=$(cat "$kit/app-$2.address")")
    "$kit_bin/ownmesh" bootstrap --resource "mesh/shop/$1" --instance "$name-1" --xds "${kit_xds#xds=}" --explicit ${options[@]+"${options[@]}"} \
        --out "$kit/$name.yaml" -o json >"$kit/$name.json"
    kit_start "envoy-$name" "$kit_envoy" -c "$kit/$name.yaml" --use-dynamic-base-id --concurrency 1 --log-level warning
    if [ $# = 2 ]; then
        local bind
        bind=$(kit_json "$kit/$name.json" 'd["addresses"]["bind/8080"]')
        "$kit_bin/ownmesh" endpoints register shop.local "$name" "$name-1" --ip "${bind%:*}" --port "8080=${bind##*:}" >/dev/null
    fi
    for _ in $(seq 400); do # it is connected when the status knows it
        "$kit_bin/ownmesh" proxies -o json >"$kit/proxies.json" 2>/dev/null && grep -q "\"$name-1\"" "$kit/proxies.json" && return
        sleep 0.05
    done
    printf 'error: the Envoy of %s did not connect within 20 s\n' "$1" >&2
    return 1
}

settled() { "$kit_bin/ownmesh" status --mesh shop --wait latest --timeout 20s >/dev/null; }

address() { kit_json "$kit/$1.json" "d['addresses']['service/$2']"; }

ask() {
    local sidecar=$1 service=$2 path=$3
    shift 3
    curl --silent --show-error --max-time 30 --header "Host: $service" "$@" "http://$(address "$sidecar" "$service")$path"
}

enter() {
    local gateway=$1 port=$2 path=$3
    shift 3
    curl --silent --show-error --max-time 30 "$@" "http://$(kit_json "$kit/$gateway.json" "d['addresses']['bind/$port']")$path"
}

shows() {
    # shellcheck disable=SC2053 # the pattern is one
    if [[ $3 == $2 ]]; then
        printf '  %s: %s\n' "$1" "$3"
    else
        printf 'error: %s: want %s, got %s\n' "$1" "$2" "$3" >&2
        return 1
    fi
}
