#!/usr/bin/env bash
# Measures how much of src/core the tests of the core reach: unit_core, the conformance scenarios and property_cores,
# built with clang. Prints lines and branches per file and in total; branches of assertions do not count.
#
# usage: tests/coverage.sh [--min-branches PERCENT] [--missing]
#   --min-branches PERCENT  fail if fewer of the branches are covered
#   --missing               list what is not covered: file:line:column, the side of the branch, the line
# environment: CLANGXX, LLVM_PROFDATA, LLVM_COV name the tools (clang++, llvm-profdata, llvm-cov)
# shellcheck disable=SC1091,SC2154 # what debian_packages.sh defines
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. src/cmake/debian_packages.sh

usage() { sed -n '2,/^# shellcheck/{/^# shellcheck/d;s/^# \{0,1\}//p}' tests/coverage.sh; }
report=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help)
      usage
      exit 0
      ;;
    --missing) report+=("$1") ;;
    --min-branches)
      [[ ${2:-} =~ ^[0-9]+([.][0-9]+)?$ ]] || fail "--min-branches needs a number, e.g. 95"
      report+=("$1" "$2")
      shift
      ;;
    *) fail "unknown argument '$1'; see tests/coverage.sh --help" ;;
  esac
  shift
done

unset CCACHE_BASEDIR CCACHE_NOHASHDIR # programs must name their sources by where they are
ensure_packages "${build_packages[@]}" catch2 librapidcheck-dev python3 clang llvm
lock_build coverage
configure_build coverage -DCMAKE_CXX_COMPILER="${CLANGXX:-clang++}"
cmake --build --preset coverage || fail "building failed; see the messages above"
unlock_build

programs=build/coverage/bin
profiles=build/coverage/profiles
rm -rf "$profiles" && mkdir -p "$profiles"
exports=()
# measure NAME PROGRAM [ARGUMENT...]
measure() {
  local name=$1 program=$programs/$2
  shift 2
  echo "running $name"
  LLVM_PROFILE_FILE="$profiles/$name.profraw" "$program" "$@" >"$profiles/$name.log" 2>&1 || {
    tail -n 40 "$profiles/$name.log" >&2
    fail "$name failed, see above; everything it said is in $profiles/$name.log"
  }
  "${LLVM_PROFDATA:-llvm-profdata}" merge -sparse "$profiles/$name.profraw" -o "$profiles/$name.profdata"
  for format in text:json lcov:lcov; do
    "${LLVM_COV:-llvm-cov}" export -format="${format%:*}" -instr-profile="$profiles/$name.profdata" "$program" \
      "$PWD/src/core" >"$profiles/$name.${format#*:}"
  done
  exports+=("$profiles/$name")
}
measure unit unit_core
measure conformance-own raftkit-conformance tests/conformance/scenarios
given=../shared/conformance/data
if [ -d "$given" ]; then
  measure conformance-given raftkit-conformance "$given"
else
  echo "SKIPPED: there is no $given"
fi
# Always the same cases, so that two measurements can be compared.
RC_PARAMS="max_success=300 seed=1" measure property property_cores
python3 tests/coverage_report.py . src/core "${report[@]}" "${exports[@]}"
