#!/usr/bin/env bash
# Lets libFuzzer look for inputs that break a decoder: builds all with clang, AddressSanitizer and
# UndefinedBehaviorSanitizer, and runs one target after the other. What it learns stays in build/fuzz/corpus.
#
# usage: tests/fuzz/run.sh [SECONDS [TARGET...]]
#   SECONDS  for each target (default: 600)
#   TARGET   a source in tests/fuzz without its suffix, e.g. wal_segments (default: all)
# environment: CLANGXX names the compiler (clang++)
# exit status: 0 nothing was found, 1 something was, or the build failed; 2 wrong usage
# shellcheck disable=SC1091,SC2154 # what debian_packages.sh defines
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. src/cmake/debian_packages.sh

usage() { sed -n '2,/^# shellcheck/{/^# shellcheck/d;s/^# \{0,1\}//p}' tests/fuzz/run.sh; }
wrong_usage() {
  printf 'run.sh: %s; see tests/fuzz/run.sh --help\n' "$1" >&2
  exit 2
}

mapfile -t all < <(sed -n 's/^raftkit_fuzz_target(\([a-z_]*\) .*/\1/p' tests/fuzz/CMakeLists.txt)
case ${1:-} in
  -h | --help)
    usage
    exit 0
    ;;
esac
seconds=${1:-600}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || wrong_usage "'$seconds' is no number of seconds"
[ $# -eq 0 ] || shift
targets=("${@:-${all[@]}}")
for target in "${targets[@]}"; do
  [[ " ${all[*]} " == *" $target "* ]] || wrong_usage "unknown target '$target'; one of: ${all[*]}"
done

compiler=${CLANGXX:-clang++}
command -v "$compiler" >/dev/null || fail "there is no $compiler; install the Debian package clang"
check=$(mktemp -d)
trap 'rm -rf "$check"' EXIT
echo 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }' >"$check/empty.cpp"
"$compiler" -fsanitize=fuzzer,address,undefined "$check/empty.cpp" -o "$check/empty" 2>/dev/null ||
  fail "$compiler has no libFuzzer or no sanitizers; install the Debian package libclang-rt-dev"

# What a run without libFuzzer needs, too: the examples, and to repeat what was found.
programs=()
for target in "${targets[@]}"; do programs+=("fuzz_$target" "libfuzzer_$target"); done
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
lock_build fuzz
log=build/configure-fuzz.log
cmake -S . -B build/fuzz -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_COMPILER="$compiler" \
  -DRAFTKIT_FUZZ=ON -DRAFTKIT_BUILD_EXAMPLES=OFF >"$log" 2>&1 || {
  tail -n 30 "$log" >&2
  fail "configuring failed, see above; everything it said is in $log"
}
cmake --build build/fuzz --target "${programs[@]}" || fail "building failed; see the messages above"
unlock_build

# AddressSanitizer keeps what was freed for a while; more than this would count as the target's memory.
export ASAN_OPTIONS=quarantine_size_mb=64
bin=$PWD/build/fuzz/bin
results=()
status=0
for target in "${targets[@]}"; do
  corpus=build/fuzz/corpus/$target
  found=$PWD/build/fuzz/found/$target
  log=build/fuzz/$target.log
  mkdir -p "$found"
  "$bin/fuzz_$target" --write-examples "$corpus"
  echo "running $target for $seconds s; what it says is in $log"
  outcome=ok
  "$bin/libfuzzer_$target" -max_total_time="$seconds" -rss_limit_mb=512 -malloc_limit_mb=64 -max_len=4096 -timeout=10 \
    -print_final_stats=1 -artifact_prefix="$found/" "$corpus" >"$log" 2>&1 || {
    status=1
    input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
    outcome="FAILED, see $log; to repeat it: $bin/libfuzzer_$target ${input:-[there is no input]}"
  }
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
  coverage=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
  inputs=$(find "$corpus" -type f | wc -l)
  results+=("$(printf '%-16s %10s executions, coverage %5s, %5s inputs: %s' \
    "$target" "${executions:-?}" "${coverage:-?}" "$inputs" "$outcome")")
done
printf '%s\n' "${results[@]}"
exit $status
