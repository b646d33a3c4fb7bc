#!/usr/bin/env bash
# Fails when a script does not parse, or ShellCheck has something to say about it.
# usage: check_shell.sh ROOT
set -euo pipefail
cd "$1"
mapfile -t scripts < <(find .ci src tests examples -name '*.sh' -o -path '.ci/*' -type f | sort)
if ! command -v shellcheck >/dev/null; then
  echo "shellcheck is not installed; tests/run.sh installs it" >&2
  exit 1
fi
for script in "${scripts[@]}"; do
  bash -n "$script"
  shellcheck "$script"
done
echo "${#scripts[@]} scripts are fine"
