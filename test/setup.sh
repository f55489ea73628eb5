#!/usr/bin/env bash
# Installs what the real parts need and this Debian machine lacks. Does nothing
# where all of it is there.
set -euo pipefail

# program, and the package it comes from
parts="
skopeo                   skopeo
wine                     wine
wineserver               wine
x86_64-w64-mingw32-gcc   gcc-mingw-w64-x86-64-win32
docker-registry          docker-registry
docker                   docker.io
dockerd                  docker.io
iptables                 iptables
ip                       iproute2
kubectl                  kubernetes-client
flock                    util-linux
ssh                      openssh-client
sshd                     openssh-server
pre-commit               pre-commit
busybox                  busybox-static
"

packages=()
while read -r program package; do
  [[ -z $program ]] || command -v "$program" >/dev/null || packages+=("$package")
done <<<"$parts"

if ((${#packages[@]})); then
  root=()
  if ((EUID)); then root=(sudo); fi
  export DEBIAN_FRONTEND=noninteractive
  if ! command -v apt-get >/dev/null; then
    echo "test/setup.sh: this is no Debian; install by hand: ${packages[*]}" >&2
    exit 1
  fi
  # No sshd for the world: the tests start their own.
  if ! command -v sshd >/dev/null; then
    "${root[@]}" mkdir -p /etc/ssh
    "${root[@]}" touch /etc/ssh/sshd_not_to_be_run
  fi
  "${root[@]}" apt-get update -q
  "${root[@]}" apt-get install -qy --no-install-recommends "${packages[@]}" </dev/null
fi

missing=()
while read -r program package; do
  [[ -z $program ]] || command -v "$program" >/dev/null || missing+=("$program ($package)")
done <<<"$parts"
if ((${#missing[@]})); then
  printf 'test/setup.sh: could not be had: %s\n' "${missing[@]}" >&2
  exit 1
fi

# etcd and Kubernetes are no packages: built once, for test/kube.
"$(dirname "${BASH_SOURCE[0]}")/kube/build.sh" >/dev/null
# Nor is a dockerd of today, for test/swarm.
"$(dirname "${BASH_SOURCE[0]}")/swarm/build.sh" >/dev/null
