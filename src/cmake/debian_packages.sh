# Sourced by the scripts that set a machine up and build: what the parts of raftkit need, and
# ensure_packages, lock_build, configure_build. All of them say in one line why they fail.
# shellcheck shell=bash disable=SC2034 # the lists are for those who source this

# To build raftkit and its examples.
build_packages=(
  g++ cmake ninja-build ccache pkg-config
  libboost-dev libprotobuf-dev protobuf-compiler libleveldb-dev libspdlog-dev libyaml-cpp-dev libssl-dev
  libisal-dev
)
# examples/kvstore, and etcd's client to talk to it.
kvstore_packages=(libgrpc++-dev protobuf-compiler-grpc libsystemd-dev etcd-client)
# The tests.
test_packages=(catch2 librapidcheck-dev clang-format python3 systemd git curl jq shellcheck e2fsprogs iproute2)

fail() {
  printf '%s: %s\n' "${0##*/}" "$1" >&2
  exit 1
}

# ensure_packages PACKAGE...: installs what is missing, saying what.
ensure_packages() {
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "no apt-get here: going on in the hope that the equivalents of these are installed: $*"
    return
  fi
  local package missing=()
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
      missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" -eq 0 ] ||
    fail "cannot install packages without root; run: sudo apt-get install --no-install-recommends ${missing[*]}"
  echo "installing Debian packages: ${missing[*]}"
  local log
  log=$(mktemp)
  # Without an answer from the package sources, what is in the cache or was listed before may do.
  echo "apt-get update" >"$log"
  DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=2 update >>"$log" 2>&1 || true
  if ! DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=2 install -y --no-install-recommends \
    "${missing[@]}" >>"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    fail "apt-get failed, see above; is there a network, and are package sources configured?"
  fi
  rm -f "$log"
}

# lock_build PRESET: two builds in one directory would spoil each other; the second one waits.
lock_build() {
  if ! mkdir -p build 2>/dev/null || [ ! -w build ]; then fail "cannot write to $PWD/build"; fi
  exec 9>"build/$1.lock"
  flock -n 9 && return
  echo "another script builds in build/$1; waiting for it"
  flock 9
}
unlock_build() { exec 9>&-; }

# configure_build PRESET [CMAKE-ARGUMENT...]
configure_build() {
  local log=build/configure-$1.log
  echo "configuring build/$1"
  if ! cmake --preset "$@" >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    fail "configuring failed, see above; everything it said is in $log"
  fi
}
