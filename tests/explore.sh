#!/usr/bin/env bash
# Runs many simulations in a build of raftkit-sim made to be fast: optimised across files, for this machine, after a
# profile of itself, with mimalloc. What happens in a simulation is the same in every build. Installs what is missing
# (Debian 12, as root) and says what; building takes about seven minutes, and again after a change.
#
# usage: tests/explore.sh [RAFTKIT-SIM-ARGUMENT...]     (default: --fresh --seeds 10000 --marks, about ten minutes)
# example: tests/explore.sh --first 8900000000 --seeds 100000 --marks
# shellcheck disable=SC1091,SC2154 # what debian_packages.sh defines
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. src/cmake/debian_packages.sh

case "${1:-}" in
  -h | --help)
    sed -n '2,/^# shellcheck/{/^# shellcheck/d;s/^# \{0,1\}//p}' tests/explore.sh
    exit 0
    ;;
esac
[ $# -gt 0 ] || set -- --fresh --seeds 10000 --marks

directory=$PWD/build/fast
simulate() { LD_PRELOAD=$mimalloc "$directory/bin/raftkit-sim" "$@"; }

build() {  # build COMPILER-OPTION...: the profile's files are named after the directory, so it is always the same one
  configure_build fast -DCMAKE_CXX_FLAGS="-march=native -flto=auto -Wno-stringop-overflow $*"
  cmake --build "$directory" --target raftkit-sim || fail "building failed; see the messages above"
}

build_with_profile() {
  local profile=$directory/profile
  rm -rf "$directory"
  build -fprofile-generate="$profile" -fprofile-update=single
  echo "taking the profile"
  simulate --first 5000 --seeds 60 --jobs 1 >/dev/null
  simulate --first 6000 --seeds 40 --jobs 1 --nodes 5 --rate 50 >/dev/null
  build -fprofile-use="$profile" -fprofile-partial-training -Wno-missing-profile
}

ensure_packages "${build_packages[@]}" "${test_packages[@]}" libmimalloc2.0
mimalloc=$(ldconfig -p | sed -n 's/.*libmimalloc\.so\.2.* => //p' | head -n 1)
lock_build fast
sources=$(cat CMakeLists.txt CMakePresets.json tests/explore.sh <(find src include tests/property -type f -print0 |
  sort -z | xargs -0 cat) | sha256sum)
if [ "$(cat "$directory/sources" 2>/dev/null)" != "$sources" ]; then
  build_with_profile
  echo "$sources" >"$directory/sources"
fi
unlock_build
simulate "$@"
