#!/usr/bin/env bash
# Installs what is missing (Debian 12, as root), builds raftkit and runs its tests.
#
# usage: tests/run.sh [PRESET [CTEST-ARGUMENT...]]
#   PRESET  release (default), debug, asan or tsan
# example: tests/run.sh asan -L unit
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. src/cmake/debian_packages.sh

case "${1:-}" in
  -h | --help)
    sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 0
    ;;
esac
preset=${1:-release}
[ $# -eq 0 ] || shift
case $preset in
  release | debug | asan | tsan) ;;
  *) fail "unknown preset '$preset'; one of: release, debug, asan, tsan" ;;
esac

ensure_packages "${build_packages[@]}" "${kvstore_packages[@]}" "${test_packages[@]}"
echo "configuring build/$preset"
cmake --preset "$preset" >"build-$preset.log" 2>&1 || {
  tail -n 30 "build-$preset.log" >&2
  fail "configuring failed; the whole output is in build-$preset.log"
}
rm -f "build-$preset.log"
echo "building (progress in brackets; the first time takes minutes)"
cmake --build --preset "$preset"
exec ctest --preset "$preset" --parallel 2 "$@"
