#!/usr/bin/env bash
# usage: kube/krew/krew.sh VERSION   (v1.2.3, after make build)
# Packs dist/kubectl-winmatch-* into archives and writes dist/winmatch.yaml, the
# plugin's manifest for krew, with their checksums.
# https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest/
set -euo pipefail

version=${1:?usage: kube/krew/krew.sh VERSION}
if [[ ! $version =~ ^v[0-9]+\.[0-9]+\.[0-9]+([-+].*)?$ ]]; then
  echo "krew.sh: $version: want v1.2.3" >&2
  exit 2
fi
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root/dist"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

{
  sed "s/VERSION/$version/" "$root/kube/krew/winmatch.yaml"
  for file in kubectl-winmatch-*; do
    [[ $file != *.tar.gz ]] || continue
    platform=${file#kubectl-winmatch-} suffix=
    if [[ $platform == *.exe ]]; then suffix=.exe platform=${platform%.exe}; fi
    cp "$file" "$work/kubectl-winmatch$suffix"
    cp "$root/LICENSE" "$work/"
    archive=kubectl-winmatch-$platform.tar.gz
    # The same programs make the same archive.
    tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -c "kubectl-winmatch$suffix" LICENSE | gzip -n >"$archive"
    rm "$work/kubectl-winmatch$suffix"
    cat <<EOF
  - selector:
      matchLabels: {os: ${platform%-*}, arch: ${platform#*-}}
    uri: https://github.com/winmatch/winmatch/releases/download/$version/$archive
    sha256: $(sha256sum "$archive" | cut -d' ' -f1)
    bin: kubectl-winmatch$suffix
EOF
  done
} >winmatch.yaml
