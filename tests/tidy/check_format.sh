#!/usr/bin/env bash
# Fails when clang-format would change a file; prints how to mend it.
# usage: check_format.sh ROOT
set -euo pipefail
cd "$1"
if ! command -v clang-format >/dev/null; then
  echo "clang-format is not installed; tests/run.sh installs it" >&2
  exit 1
fi
mapfile -t files < <(find include src tests examples -name '*.[ch]pp' | sort)
if ! clang-format --dry-run --Werror "${files[@]}" 2>/tmp/raftkit-format.$$; then
  grep -oE '^[^ :]+:[0-9]+' /tmp/raftkit-format.$$ | sort -u | head -50
  rm -f /tmp/raftkit-format.$$
  echo "mend with: clang-format -i FILE"
  exit 1
fi
rm -f /tmp/raftkit-format.$$
echo "${#files[@]} files are formatted"
