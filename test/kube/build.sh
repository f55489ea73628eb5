#!/usr/bin/env bash
# Builds etcd, Kubernetes' programs and kwok, each at the version its go.mod
# pins, into the user's cache directory, and prints their paths. What is there
# already stays. The first build takes a quarter of an hour on two cores.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

bin=${XDG_CACHE_HOME:-$HOME/.cache}/winmatch/bin
mkdir -p "$bin"
exec 9>"$bin/kube.lock"
flock 9
export CGO_ENABLED=0 GOOS= GOARCH= GOFLAGS=

# program, folder of its module, package
while read -r program module package; do
  version=$(awk -v m="$package" '$1 != "tool" { for (i = 1; i < NF; i++) if ($i ~ /\./ && index(m "/", $i "/") == 1) print $(i+1) }' "$module/go.mod" | grep ^v | head -1)
  file=$bin/$program-$version
  if [[ ! -x $file ]]; then
    echo "building $program $version" >&2
    stamp="-X k8s.io/component-base/version.gitVersion=$version -X k8s.io/client-go/pkg/version.gitVersion=$version"
    go build -C "$module" -trimpath -ldflags "-s -w $stamp" -o "$file.new" "$package"
    mv "$file.new" "$file"
  fi
  echo "$file"
done <<'EOF'
etcd                    etcd       go.etcd.io/etcd/server/v3
kube-apiserver          kubernetes k8s.io/kubernetes/cmd/kube-apiserver
kube-scheduler          kubernetes k8s.io/kubernetes/cmd/kube-scheduler
kube-controller-manager kubernetes k8s.io/kubernetes/cmd/kube-controller-manager
kubectl                 kubernetes k8s.io/kubernetes/cmd/kubectl
kwok                    kwok       sigs.k8s.io/kwok/cmd/kwok
EOF
