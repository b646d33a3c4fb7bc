#!/usr/bin/env bash
# Runs the same simulations as g++, clang++ and the sanitizers compile them, and twice as g++ does: what happens in a
# simulation must follow from its seed, and from nothing else. Installs what is missing (Debian 12, as root).
#
# usage: tests/traces.sh [SEEDS]     (default: 200; with 1000 half an hour, and building as long)
# shellcheck disable=SC1091,SC2154 # what debian_packages.sh defines
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. src/cmake/debian_packages.sh

seeds=${1:-200}
if [[ ! $seeds =~ ^[1-9][0-9]*$ ]]; then
  sed -n '2,/^# shellcheck/{/^# shellcheck/d;s/^# \{0,1\}//p}' tests/traces.sh >&2
  exit 2
fi
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

build() {  # build PRESET
  lock_build "$1"
  configure_build "$1"
  echo "building build/$1"
  cmake --build "build/$1" --target raftkit-sim >/dev/null || fail "building failed: cmake --build build/$1"
  unlock_build
}

simulate() {  # simulate PRESET: sets $trace
  local output
  if ! output=$("build/$1/bin/raftkit-sim" --seeds "$seeds"); then
    printf '%s\n' "$output" >&2
    exit 1
  fi
  trace=$(sed -n 's/^traces //p' <<<"$output")
  [ -n "$trace" ] || fail "build/$1/bin/raftkit-sim did not say what its traces are"
  echo "$1: $trace, $seeds seeds"
}

ensure_packages "${build_packages[@]}" "${test_packages[@]}" clang
build release
build clang
build asan

simulate release
expected=$trace
status=0
for preset in release clang asan; do
  simulate "$preset"
  [ "$trace" = "$expected" ] || status=1
done
if [ $status -ne 0 ]; then
  echo "they differ: compare 'raftkit-sim --seed S --verbose' of two of them, seed by seed" >&2
fi
exit $status
