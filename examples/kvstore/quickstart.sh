#!/usr/bin/env bash
# Builds kvstore, runs a cluster of three nodes on this machine, and shows that etcdctl can use it.
# Installs what is missing (Debian 12, as root) and says what. Ctrl-C stops the nodes.
#
# usage: examples/kvstore/quickstart.sh [OPTION]...
#   --data DIR        where data and logs are kept, and found again next time (default: ./kvstore-quickstart)
#   --port N          the first node serves clients on N and the other nodes on N+1; the second node on
#                     N+20000 and N+20001, the third on N+30000 and N+30001 (default: 2379)
#   --once            stop after the demonstration
#   --server PROGRAM  run this kvstore instead of building one
#   --help            show this
# shellcheck disable=SC1091,SC2154 # what debian_packages.sh defines
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/src/cmake/debian_packages.sh"

readonly restart_seconds=5 # as in the systemd units
readonly ready_seconds=60
readonly stop_seconds=15

data=kvstore-quickstart
port= # empty: the one recorded in the data directory, or 2379
once=no
server=
names=(etcd0 etcd1 etcd2)
offsets=(0 20000 30000)
client_urls=()
peer_urls=()
pids=("" "" "")   # of the nodes; empty: not running
shells=("" "" "") # each waits for one node, and ends with its status
status=0
is_serving=no

usage() { sed -n '2,/^# shellcheck/{/^# shellcheck/d;s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; }

parse_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
      --data | --port | --server) [ $# -ge 2 ] || fail "$1 needs a value; see --help" ;;&
      --data) data=$2 && shift 2 ;;
      --port) port=$2 && shift 2 ;;
      --server) server=$2 && shift 2 ;;
      --once) once=yes && shift ;;
      -h | --help) usage && exit 0 ;;
      *) fail "unknown argument '$1'; see --help" ;;
    esac
  done
  [ -n "$data" ] || fail "--data needs the name of a directory"
  data=$(realpath -m "$data")
  if [ -n "$server" ]; then
    if [ ! -f "$server" ] || [ ! -x "$server" ]; then fail "--server: $server is no program"; fi
    server=$(realpath "$server")
  fi
}

complain_of_port() {
  local name pid running=()
  for name in "${names[@]}"; do
    pid=$(cat "$data/$name.pid" 2>/dev/null) && kill -0 "$pid" 2>/dev/null && running+=("$pid")
  done
  [ ${#running[@]} -eq 0 ] ||
    fail "the cluster in $data runs already; stop it with Ctrl-C where it was started, or with: kill ${running[*]}"
  fail "port $1 is in use, perhaps by an etcd or another quickstart; stop it, or choose others with --port N"
}

# Before anything is installed or built: most runs that fail, fail here.
check_data_and_ports() {
  local recorded i offset each
  # The members keep the addresses that they were told at their first start.
  recorded=$(cat "$data/port" 2>/dev/null || true)
  port=${port:-${recorded:-2379}}
  if [[ ! $port =~ ^[1-9][0-9]{0,4}$ ]] || [ "$port" -gt 35534 ]; then
    fail "--port must be a number from 1 to 35534, not '$port'"
  fi
  [ "$port" = "${recorded:-$port}" ] ||
    fail "the cluster in $data was made with --port $recorded; leave --port out, or choose another --data DIR"
  for i in "${!names[@]}"; do
    offset=${offsets[i]}
    client_urls+=("http://127.0.0.1:$((port + offset))")
    peer_urls+=("http://127.0.0.1:$((port + offset + 1))")
    for each in $((port + offset)) $((port + offset + 1)); do
      if (exec 3<>"/dev/tcp/127.0.0.1/$each") 2>/dev/null; then complain_of_port "$each"; fi
    done
  done
  if ! mkdir -p "$data" 2>/dev/null || ! echo "$port" 2>/dev/null >"$data/port"; then
    fail "cannot write to $data; choose another directory with --data DIR"
  fi
}

build_server() {
  if [ -n "$server" ]; then
    ensure_packages etcd-client
    return
  fi
  ensure_packages "${build_packages[@]}" "${kvstore_packages[@]}"
  cd "$root"
  lock_build release
  # Tests need more packages. A directory that builds them already keeps doing so.
  local tests=(-DRAFTKIT_BUILD_TESTS=OFF)
  if [ -f build/release/build.ninja ] && grep -q '^RAFTKIT_BUILD_TESTS:BOOL=ON' build/release/CMakeCache.txt; then
    tests=()
  fi
  configure_build release -DRAFTKIT_BUILD_EXAMPLES=ON "${tests[@]}"
  echo "building kvstore and raftkit-inspect (progress in brackets; the first time takes minutes)"
  cmake --build --preset release --target kvstore raftkit-inspect || fail "building failed; see the messages above"
  unlock_build
  server=$root/build/release/bin/kvstore
}

# start_node I: the same flags as in deploy/*.service, on loopback.
start_node() {
  local i=$1 cluster pid_file=$data/${names[$1]}.pid
  cluster="${names[0]}=${peer_urls[0]},${names[1]}=${peer_urls[1]},${names[2]}=${peer_urls[2]}"
  rm -f "$pid_file"
  # In a session of its own, so that Ctrl-C reaches this script alone, which then stops all nodes. In a shell of
  # its own, because that one may be silenced when it has to say that its child was killed.
  (
    setsid "$server" \
      --name "${names[i]}" \
      --data-dir "$data/${names[i]}" \
      --initial-advertise-peer-urls "${peer_urls[i]}" \
      --listen-peer-urls "${peer_urls[i]}" \
      --listen-client-urls "${client_urls[i]}" \
      --advertise-client-urls "${client_urls[i]}" \
      --initial-cluster-token kvstore-quickstart \
      --initial-cluster "$cluster" \
      --initial-cluster-state new \
      </dev/null >>"$data/${names[i]}.log" 2>&1 &
    trap '' HUP TERM
    echo $! >"$pid_file.new" && mv "$pid_file.new" "$pid_file"
    wait $!
  ) 2>/dev/null &
  shells[i]=$!
  until [ -e "$pid_file" ]; do sleep 0.01; done
  pids[i]=$(cat "$pid_file")
  echo "  ${names[i]}: clients ${client_urls[i]}, peers ${peer_urls[i]}, pid ${pids[i]}, log $data/${names[i]}.log"
}

is_alive() { kill -0 "${pids[$1]}" 2>/dev/null; }

# died I: says how, with the last log lines; the status is left in `status`.
died() {
  local i=$1 how
  status=0
  wait "${shells[i]}" || status=$?
  how="ended with status $status"
  if [ "$status" -gt 128 ]; then how="was killed by signal $((status - 128))"; fi
  echo "${names[i]} (pid ${pids[i]}) $how; its last log lines:"
  { grep -v ' | option: ' "$data/${names[i]}.log" || true; } | tail -n 5 | sed 's/^/    /'
  pids[i]=
}

stop_nodes() {
  trap '' INT TERM HUP
  local i deadline ended=()
  for i in "${!names[@]}"; do
    if [ -n "${pids[i]}" ]; then kill -TERM "${pids[i]}" 2>/dev/null || true; fi
  done
  deadline=$((SECONDS + stop_seconds))
  for i in "${!names[@]}"; do
    [ -n "${pids[i]}" ] || continue
    while is_alive "$i" && [ $SECONDS -lt $deadline ]; do sleep 0.1; done
    if is_alive "$i"; then
      echo "${names[i]} did not stop within $stop_seconds s and is killed" >&2
      kill -KILL "${pids[i]}" 2>/dev/null || true
    else
      ended+=("${names[i]}")
    fi
    wait "${shells[i]}" || true
    pids[i]=
    rm -f "$data/${names[i]}.pid"
  done
  if [ ${#ended[@]} -gt 0 ]; then echo "stopped ${ended[*]}; the data stay in $data"; fi
}

on_signal() {
  echo
  [ -z "${pids[*]// /}" ] || stop_nodes
  if [ $is_serving = yes ]; then exit 0; fi
  exit "$1"
}

# Nobody who fails leaves nodes behind.
on_exit() { [ -z "${pids[*]// /}" ] || stop_nodes >&2; }

start_cluster() {
  echo "starting three nodes, data in $data"
  local i
  for i in "${!names[@]}"; do start_node "$i"; done
  local deadline=$((SECONDS + ready_seconds))
  for i in "${!names[@]}"; do
    until etcdctl --endpoints="${client_urls[i]}" --command-timeout=1s endpoint health >/dev/null 2>&1; do
      if ! is_alive "$i"; then
        died "$i" >&2
        fail "${names[i]} did not come up, see above"
      fi
      [ $SECONDS -lt $deadline ] ||
        fail "${names[i]} is not ready after $ready_seconds s; see $data/${names[i]}.log"
      sleep 0.2
    done
    echo "  ${names[i]} is ready"
  done
  is_serving=yes
}

show() {
  local word line=etcdctl
  for word in "$@"; do
    case $word in *' '*) line+=" '$word'" ;; *) line+=" $word" ;; esac
  done
  printf '\n$ %s\n' "$line"
  etcdctl "$@" || fail "etcdctl failed; see $data/*.log"
}

demonstrate() {
  local value
  value="written through ${names[0]} at $(date +%T)"
  show --endpoints="$endpoints" endpoint status -w table
  show --endpoints="${client_urls[0]}" put greeting "$value"
  show --endpoints="${client_urls[2]}" get greeting
  [ "$(etcdctl --endpoints="${client_urls[2]}" get greeting --print-value-only)" = "$value" ] ||
    fail "${names[2]} does not have what ${names[0]} acknowledged"
}

leader() {
  local i
  for i in "${!names[@]}"; do
    # ENDPOINT, ID, VERSION, SIZE, IS LEADER, ...
    if [[ $(etcdctl --endpoints="${client_urls[i]}" endpoint status 2>/dev/null) =~ ^([^,]*,\ ){4}true ]]; then
      echo "$i"
      return
    fi
  done
  echo 0
}

explain() {
  local i
  i=$(leader)
  cat <<END

The cluster runs until Ctrl-C. In another terminal:
  export ETCDCTL_API=3 ETCDCTL_ENDPOINTS=$endpoints
  etcdctl put KEY VALUE    # and get, del, txn, compaction, member list
  etcdctl endpoint health
  kill -9 ${pids[i]}            # ${names[i]} leads now: the others go on, and it is back after $restart_seconds s
Logs: $data/etcd[012].log
END
}

# Tells when a node dies, and starts it again if it was killed, as systemd would. Ends with a signal.
stay() {
  local i restart_at=("" "" "")
  while [ -n "${pids[*]// /}${restart_at[*]// /}" ]; do
    sleep 0.5 &
    wait $! || true # other than sleep itself it is interrupted by signals
    for i in "${!names[@]}"; do
      if [ -n "${restart_at[i]}" ] && [ $SECONDS -ge "${restart_at[i]}" ]; then
        restart_at[i]=
        echo "starting ${names[i]} again"
        start_node "$i"
      elif [ -n "${pids[i]}" ] && ! is_alive "$i"; then
        echo
        died "$i"
        if [ "$status" -gt 128 ]; then
          restart_at[i]=$((SECONDS + restart_seconds))
        else
          echo "it is not started again: the cause would be the same"
        fi
      fi
    done
  done
  fail "no node is left"
}

parse_arguments "$@"
trap 'on_signal 130' INT
trap 'on_signal 143' TERM
trap 'on_signal 129' HUP
trap on_exit EXIT
check_data_and_ports
build_server
export ETCDCTL_API=3
unset ETCDCTL_ENDPOINTS # would contradict --endpoints
endpoints=${client_urls[0]},${client_urls[1]},${client_urls[2]}
start_cluster
demonstrate
if [ $once = yes ]; then
  echo
  stop_nodes
  exit 0
fi
explain
stay
