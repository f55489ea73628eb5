#!/usr/bin/env bash
# Makes a wine prefix in which Go programs for windows/amd64 run, and prints its
# path. Does nothing where it already exists.
#
#   setup.sh [NAME]     a prefix of that name (default: wine), so that tests
#                       that set the registry do not meet each other
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/winmatch
name=${1:-wine}
export WINEPREFIX=$cache/$name WINEDEBUG=-all WINEARCH=win64 DISPLAY=
# No Mono, no Gecko: both would want a download.
export WINEDLLOVERRIDES="mscoree,mshtml="

for tool in wine wineserver x86_64-w64-mingw32-gcc; do
  if ! command -v "$tool" >/dev/null; then
    echo "test/wine/setup.sh: $tool is missing (test/setup.sh installs it)" >&2
    exit 1
  fi
done

mkdir -p "$cache"
exec 9>"$cache/$name.lock"
flock 9

stamp=$WINEPREFIX/.made-by
made_by=$(cat "${BASH_SOURCE[0]}" "$here/testdata/bcryptprimitives.c" | sha256sum)
if [[ $made_by != "$(cat "$stamp" 2>/dev/null)" ]]; then
  # A new prefix plays Windows 7, which no container runs on.
  {
    rm -rf "$WINEPREFIX" &&
    wine wineboot --init </dev/null &&
    wine winecfg -v win10 </dev/null &&
    wineserver --wait &&
    x86_64-w64-mingw32-gcc -shared -O2 "$here/testdata/bcryptprimitives.c" -ladvapi32 \
      -o "$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll"
  } >"$cache/$name.log" 2>&1 9>&- || {
    cat "$cache/$name.log" >&2
    exit 1
  }
  echo "$made_by" >"$stamp"
fi
echo "$WINEPREFIX"
