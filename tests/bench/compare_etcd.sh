#!/usr/bin/env bash
# Measures three kvstore processes and three of real etcd with the same flags and the same load, in turn on the
# same machine. Prints one line per figure: name, system, figure. Absolute figures do not travel; ratios do.
#
# usage: tests/bench/compare_etcd.sh [--quick]
#   BENCH_SECONDS, BENCH_ROUNDS, BENCH_LARGE, BENCH_PAUSES: how long, how often, how many keys, how many leaders die
#   KVSTORE_BIN   directory of kvstore, kv-bench and kv-pause (default: build/release/bin)
#   BENCH_DIR     for data, on a real disk (default: ./compare-etcd.data); removed first
set -euo pipefail
root=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
bin=${KVSTORE_BIN:-$root/build/release/bin}
dir=${BENCH_DIR:-compare-etcd.data}
[ "${1:-}" = --quick ] && BENCH_SECONDS=2 BENCH_ROUNDS=1 BENCH_LARGE=20000 BENCH_PAUSES=2
seconds=${BENCH_SECONDS:-8} rounds=${BENCH_ROUNDS:-3} large=${BENCH_LARGE:-1000000} pauses=${BENCH_PAUSES:-7}
command -v etcd >/dev/null || { echo "compare_etcd.sh: etcd is not installed: apt-get install etcd-server" >&2; exit 1; }

pids=()
stop_all() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  pids=()
}
trap stop_all EXIT

client() { echo "127.0.0.1:$((24379 + 10 * $1))"; }
peer() { echo "http://127.0.0.1:$((24380 + 10 * $1))"; }
endpoints=$(client 0),$(client 1),$(client 2)

start_one() { # SYSTEM MEMBER
  local program=$bin/kvstore
  [ "$1" = etcd ] && program=$(command -v etcd)
  local name=m$2
  "$program" --name "$name" --data-dir "$dir/$1/$name" \
    --initial-advertise-peer-urls "$(peer "$2")" --listen-peer-urls "$(peer "$2")" \
    --listen-client-urls "http://$(client "$2")" --advertise-client-urls "http://$(client "$2")" \
    --initial-cluster "m0=$(peer 0),m1=$(peer 1),m2=$(peer 2)" --initial-cluster-token compare \
    --initial-cluster-state new >>"$dir/$1-$name.log" 2>&1 &
  pids[$2]=$!
}

wait_ready() { # MEMBER: GET /health says true
  local i
  for ((i = 0; i < 3000; ++i)); do
    curl -sf --max-time 1 "http://$(client "$1")/health" 2>/dev/null | grep -q true && return
    sleep 0.005
  done
  echo "member $1 does not get ready" >&2
  exit 1
}

start() { # SYSTEM
  local begin
  begin=$(date +%s%N)
  for i in 0 1 2; do start_one "$1" $i; done
  for i in 0 1 2; do wait_ready $i; done
  echo "start to ready | $1 | $((($(date +%s%N) - begin) / 1000000)) ms"
}

all_pids() { local IFS=,; echo "${pids[*]}"; }
bench() { # SYSTEM NAME ARGUMENT...
  local system=$1 name=$2
  shift 2
  echo "$name | $system | $("$bin/kv-bench" --endpoints "$endpoints" --pids "$(all_pids)" --seconds "$seconds" "$@")"
}

# fdatasync calls of member 0 so far. strace would slow it down; the kernel does not count them, so ask the servers.
syncs() { # SYSTEM
  if [ "$1" = etcd ]; then
    curl -s "http://$(client 0)/metrics" | awk '/^etcd_disk_wal_fsync_duration_seconds_count/ {print $2}'
  else
    sed -n 's/.*file_syncs=\([0-9]*\).*/\1/p' "$dir/kvstore-m0.log" | tail -n 1
  fi
}

pause() { # SYSTEM kill|term; appends to pauses.txt: a subshell's processes would be nobody's
  local arguments=() i
  for i in 0 1 2; do arguments+=("$(client $i)=${pids[$i]}"); done
  local before=("${pids[@]}")
  "$bin/kv-pause" "${arguments[@]}" "$2" >>"$dir/pauses.txt"
  for i in 0 1 2; do
    if ! kill -0 "${before[$i]}" 2>/dev/null; then
      wait "${before[$i]}" 2>/dev/null || true
      start_one "$1" $i
      wait_ready $i
    fi
  done
}

median() { sort -n | awk '{v[NR]=$1} END {print v[int((NR+1)/2)] " (" v[1] " to " v[NR] ")"}'; }

rm -rf "$dir"
mkdir -p "$dir"
for system in kvstore etcd; do
  start $system
  echo "memory when idle | $system | $(awk '/VmRSS/ {print int($2/1024)}' "/proc/${pids[0]}/status") MiB"
  for ((round = 0; round < rounds; ++round)); do
    for clients in 1 100 1000; do bench $system "put 256 B, $clients clients" --op put --clients $clients; done
    for clients in 1 100; do
      bench $system "get linearizable, 10k keys, $clients clients" --op get --clients $clients
      bench $system "get serializable, 10k keys, $clients clients" --op get --serializable 1 --clients $clients
    done
    bench $system "range of 100, 10k keys, 100 clients" --op range --clients 100
  done
  if [ $system = etcd ]; then echo "fdatasync calls of member 0 | etcd | $(syncs etcd)"; fi
  bench $system "put $large keys, 100 clients" --op put --fill "$large" --clients 100
  for ((round = 0; round < rounds; ++round)); do
    bench $system "get linearizable, $large keys, 100 clients" --op get --keys "$large" --clients 100
    bench $system "get serializable, $large keys, 100 clients" --op get --serializable 1 --keys "$large" --clients 100
    bench $system "range of 100, $large keys, 100 clients" --op range --keys "$large" --clients 100
  done
  for how in kill term; do
    : >"$dir/pauses.txt"
    for ((round = 0; round < pauses; ++round)); do pause $system $how 2>/dev/null; done
    echo "pause after SIG$how of the leader | $system | $(median <"$dir/pauses.txt") ms"
  done
  stop_all
  sleep 1
  if [ $system = kvstore ]; then echo "fdatasync calls of member 0, last life | kvstore | $(syncs kvstore)"; fi
done
