#!/usr/bin/env bash
# Runs every fuzz target of the module, one after the other, and stops at the
# first crash, which go leaves in testdata/fuzz of the package.
#
#   FUZZTIME=30s test/fuzz.sh [PATTERN]     the time of each target; the default
#                                           makes half an hour of all together
#
# Of the inputs that reached new code the smallest are kept in testdata/fuzz,
# where every go test runs them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

keep=${FUZZKEEP:-48} # inputs of each target
pattern=${1:-.}

targets=()
for package in $(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./...); do
  names=$(go test -list '^Fuzz' "$package")
  for name in $names; do
    if [[ $name == Fuzz* && $name =~ $pattern ]]; then targets+=("$package $name"); fi
  done
done
if ((${#targets[@]} == 0)); then
  echo "fuzz: no fuzz target matches $pattern" >&2
  exit 1
fi
time=${FUZZTIME:-$((1800 / ${#targets[@]}))s}
echo "${#targets[@]} fuzz targets, $time each"

cache=$(go env GOCACHE)/fuzz
for target in "${targets[@]}"; do
  read -r package name <<<"$target"
  echo "== $package $name"
  go test -run '^$' -fuzz "^$name\$" -fuzztime "$time" "$package"

  corpus=$(go list -f '{{.Dir}}' "$package")/testdata/fuzz/$name
  mkdir -p "$corpus"
  if [[ -d $cache/$package/$name ]]; then
    have=$(find "$corpus" -type f | wc -l)
    while read -r _ input; do
      if ((have >= keep)); then break; fi
      if [[ ! -e $corpus/$(basename "$input") ]]; then
        cp "$input" "$corpus/"
        have=$((have + 1))
      fi
    done < <(find "$cache/$package/$name" -type f -size -3 -printf '%s %p\n' | sort -n)
  fi
done
