#!/usr/bin/env bash
# Builds the dockerd that dockerd/go.mod pins, which Debian does not have yet, into
# the user's cache directory, and prints its path. What is there already stays. The
# first build takes five to ten minutes on two cores.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

bin=${XDG_CACHE_HOME:-$HOME/.cache}/winmatch/bin
mkdir -p "$bin"
exec 9>"$bin/dockerd.lock"
flock 9
export CGO_ENABLED=0 GOOS= GOARCH= GOFLAGS=

version=$(awk '$1 == "github.com/moby/moby/v2" { print $2 }' dockerd/go.mod)
file=$bin/dockerd-$version
if [[ ! -x $file ]]; then
  echo "building dockerd $version" >&2
  go build -C dockerd -trimpath -ldflags "-s -w -X github.com/moby/moby/v2/dockerversion.Version=${version#v}" \
    -o "$file.new" github.com/moby/moby/v2/cmd/dockerd
  mv "$file.new" "$file"
fi
echo "$file"
