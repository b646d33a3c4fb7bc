#!/usr/bin/env bash
# Has systemd check the units, with the server at the path that they name.
# usage: verify.sh KVSTORE
set -euo pipefail
server=$(realpath "$1")
units=$(dirname "${BASH_SOURCE[0]}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for unit in "$units"/*.service; do
  sed "s|/usr/local/bin/kvstore|$server|" "$unit" >"$scratch/$(basename "$unit")"
done
# It warns about what it ignores and still succeeds: here every word about one of our files is an error.
systemd-analyze verify --man=no "$scratch"/*.service 2>&1 | tee "$scratch/output"
if grep -qE "$scratch|kvstore-" "$scratch/output"; then exit 1; fi
count=("$scratch"/*.service)
echo "${#count[@]} units are valid"
