# Sourced by the scripts that set a machine up. Defines ensure_packages and what the parts of raftkit need.
# shellcheck shell=bash

# To build raftkit and its examples.
build_packages=(
  g++ cmake ninja-build ccache pkg-config
  libboost-dev libprotobuf-dev protobuf-compiler libleveldb-dev libspdlog-dev libyaml-cpp-dev libssl-dev
  libisal-dev
)
# examples/kvstore, and etcd's client to talk to it.
kvstore_packages=(libgrpc++-dev protobuf-compiler-grpc libsystemd-dev etcd-client)
# The tests.
test_packages=(catch2 librapidcheck-dev clang-format python3 systemd git curl jq)

fail() {
  printf '%s: %s\n' "${0##*/}" "$1" >&2
  exit 1
}

# ensure_packages PACKAGE...: installs what is missing, saying what; one line says why if it cannot.
ensure_packages() {
  command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
    fail "this machine has no apt-get; install the equivalents of: $*"
  local package missing=()
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
      missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "installing Debian packages: ${missing[*]}"
  [ "$(id -u)" -eq 0 ] ||
    fail "cannot install packages without root; run: sudo apt-get install --no-install-recommends ${missing[*]}"
  local log
  log=$(mktemp)
  if ! { DEBIAN_FRONTEND=noninteractive apt-get update &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    fail "apt-get failed (see above; no network, or no package sources?)"
  fi
  rm -f "$log"
}
