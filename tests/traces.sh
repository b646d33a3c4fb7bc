#!/usr/bin/env bash
# Runs the same simulations as g++, clang++ and the sanitizers compile them, and twice as g++ does: what happens in a
# simulation must follow from its seed, and from nothing else.
#
# usage: tests/traces.sh [SEEDS]     (default: 200; with 1000 about an hour)
set -euo pipefail

cd "$(dirname "$0")/.."
seeds=${1:-200}
if [[ ! $seeds =~ ^[1-9][0-9]*$ ]]; then
  sed -n '2,5s/^# \?//p' "$0" >&2
  exit 2
fi
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

build() {  # build DIRECTORY CMAKE-OPTION...
  local directory=$1
  shift
  cmake -S . -B "$directory" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo "$@" > /dev/null
  cmake --build "$directory" --target raftkit-sim > /dev/null
}

traces() {  # traces DIRECTORY
  local output
  if ! output=$("$1/bin/raftkit-sim" --seeds "$seeds"); then
    printf '%s\n' "$output" >&2
    exit 1
  fi
  sed -n 's/^traces //p' <<< "$output"
}

build build/release -DCMAKE_CXX_COMPILER=g++
build build/clang -DCMAKE_CXX_COMPILER=clang++ -DRAFTKIT_BUILD_EXAMPLES=OFF
build build/asan -DCMAKE_CXX_COMPILER=g++ -DRAFTKIT_SANITIZE=address,undefined

expected=$(traces build/release)
echo "g++: $expected, $seeds seeds"
status=0
for directory in release clang asan; do
  found=$(traces "build/$directory")
  echo "$directory: $found"
  [ "$found" = "$expected" ] || status=1
done
if [ $status -ne 0 ]; then
  echo "they differ: compare 'raftkit-sim --seed S --verbose' of two of them, seed by seed" >&2
fi
exit $status
