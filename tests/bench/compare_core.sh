#!/usr/bin/env bash
# Measures raftkit's core and etcd's with the same load, in turn in the same run, and prints the table of
# docs/performance.md: medians over the rounds, nanoseconds per proposal that all three nodes have applied.
#
# usage: tests/bench/compare_core.sh
#   BENCH_SECONDS, BENCH_ROUNDS   how long each measurement takes, how often each is made (default: 1, 5)
#   CORE_BENCH                    raftkit's benchmark (default: build/release/bin/core-bench)
set -euo pipefail
root=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
core=${CORE_BENCH:-$root/build/release/bin/core-bench}
seconds=${BENCH_SECONDS:-1} rounds=${BENCH_ROUNDS:-5}
gopath=/usr/share/gocode
if ! command -v go >/dev/null || [ ! -d $gopath/src/go.etcd.io/etcd/raft ]; then
  echo "compare_core.sh: etcd's core is not installed: apt-get install golang-go golang-etcd-server-dev" >&2
  exit 1
fi
[ -x "$core" ] || { echo "compare_core.sh: no $core: build the release preset, or set CORE_BENCH" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$root/tests/bench/etcd_core" &&
  GO111MODULE=off GOFLAGS='' GOPATH=$gopath GOCACHE=$work/cache go build -o "$work/etcd-core" .)

median() { # COLUMN FILE
  awk -v column="$1" '{print $column}' "$2" | sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'
}

table() { # TITLE COLUMNS ARGUMENT...: raftkit's and etcd's at each burst; COLUMNS names who takes part
  local title=$1 systems=$2 burst round system
  shift 2
  echo
  echo "$title"
  echo
  if [[ $systems = *etcd* ]]; then
    echo "| burst | raftkit ns | etcd ns | ratio | raftkit allocations | etcd allocations |"
    echo "|---|---|---|---|---|---|"
  else
    echo "| burst | raftkit ns | allocations |"
    echo "|---|---|---|"
  fi
  for burst in 1 16 64 1024; do
    rm -f "$work"/*.txt
    for ((round = 0; round < rounds; ++round)); do
      for system in $systems; do
        local program=$core
        [ "$system" = etcd ] && program=$work/etcd-core
        "$program" $burst "$seconds" "$@" >>"$work/$system.txt"
      done
    done
    local ours ours_allocations
    ours=$(median 1 "$work/raftkit.txt")
    ours_allocations=$(median 2 "$work/raftkit.txt")
    if [[ $systems = *etcd* ]]; then
      local theirs
      theirs=$(median 1 "$work/etcd.txt")
      echo "| $burst | $ours | $theirs | $(awk "BEGIN {printf \"%.1f\", $theirs / $ours}") |" \
        "$ours_allocations | $(median 2 "$work/etcd.txt") |"
    else
      echo "| $burst | $ours | $ours_allocations |"
    fi
  done
}

table "One call per proposal; a node takes in all that has arrived, then its Ready" "raftkit etcd"
table "One call per proposal; a Ready after every single input" "raftkit etcd" --ready-per-input
table "The whole burst in one call (raftkit only)" raftkit --batched
