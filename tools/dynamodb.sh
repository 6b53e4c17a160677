#!/usr/bin/env bash
# Finds DynamoDB Local, Amazon's own emulator, or installs it into .tools/dynamodb. Prints one line that says which it is.
#
# It is the second DynamoDB that adapters/dynamodb is tested with: its tests look in .tools/dynamodb. It needs Java 17 or
# newer, and Maven to install it (versions pinned in dynamodb/pom.xml). Where those are missing it says so and leaves it
# at that, for the tests do without; with OWNMESH_REQUIRE_DYNAMODB_LOCAL=1 it fails. Run again it only looks.
set -euo pipefail

cd "$(dirname "$0")/.."
home=.tools/dynamodb
pom=tools/dynamodb/pom.xml

missing() {
    if [ "${OWNMESH_REQUIRE_DYNAMODB_LOCAL:-}" = 1 ]; then
        printf 'error: DynamoDB Local needs %s, and OWNMESH_REQUIRE_DYNAMODB_LOCAL is 1\n' "$1" >&2
        exit 1
    fi
    printf 'dynamodb: none (it needs %s); tests against DynamoDB Local are left out\n' "$1"
    exit 0
}

command -v java >/dev/null || missing 'java, Debian package default-jre-headless'
if ! { [ -d "$home/lib" ] && [ -f "$home/pom.xml" ] && cmp -s "$home/pom.xml" "$pom"; }; then
    command -v mvn >/dev/null || missing 'mvn, Debian package maven'
    echo "dynamodb: installing DynamoDB Local into $home, 50 MB, once"
    rm -rf "$home"
    mkdir -p "$home"
    mvn -B -q -f "$pom" dependency:copy-dependencies -DoutputDirectory="$PWD/$home/lib" >.tools/dynamodb.log 2>&1 || {
        cat .tools/dynamodb.log >&2
        printf 'error: Maven could not get DynamoDB Local\nhint: look at the lines above; .tools/dynamodb.log has them, too\n' >&2
        rm -rf "$home"
        exit 1
    }
    cp "$pom" "$home/pom.xml"
fi
printf 'dynamodb: %s (DynamoDB Local, %s)\n' "$home" "$pom"
