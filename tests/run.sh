#!/usr/bin/env bash
# Installs what is missing (Debian 12, as root) and says what, builds raftkit, and runs its tests.
#
# usage: tests/run.sh [PRESET [CTEST-ARGUMENT...]]
#   PRESET  release (default), debug, asan or tsan
# example: tests/run.sh asan -L unit
# shellcheck disable=SC1091,SC2154 # what debian_packages.sh defines
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. src/cmake/debian_packages.sh

case "${1:-}" in
  -h | --help)
    sed -n '2,/^# shellcheck/{/^# shellcheck/d;s/^# \{0,1\}//p}' tests/run.sh
    exit 0
    ;;
esac
preset=${1:-release}
[ $# -eq 0 ] || shift
case $preset in
  release | debug | asan | tsan) ;;
  *) fail "unknown preset '$preset'; one of: release, debug, asan, tsan" ;;
esac

# So that a clone in another place finds what this one has compiled.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
ensure_packages "${build_packages[@]}" "${kvstore_packages[@]}" "${test_packages[@]}"
lock_build "$preset"
configure_build "$preset" -DRAFTKIT_BUILD_TESTS=ON -DRAFTKIT_BUILD_EXAMPLES=ON
echo "building (progress in brackets; the first time takes minutes)"
cmake --build --preset "$preset" || fail "building failed; see the messages above"
unlock_build
exec ctest --preset "$preset" --parallel 2 "$@"
