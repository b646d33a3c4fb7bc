#!/bin/sh
# A simulator with a core that is wrong on purpose: some of its runs must show that it violates this property.
# usage: simulation_notices.sh RAFTKIT-SIM PROPERTY
set -eu
seeds=100 # always the same ones: this test must not depend on luck
status=0
said=$("$1" --seeds $seeds --first 1 --jobs 1) || status=$?
echo "$said"
runs=$(echo "$said" | grep -cF "FAILED: $2: ") || true
if [ "$status" -ne 1 ] || [ "$runs" -eq 0 ]; then
  echo "FAILED: exit status $status instead of 1, or none of $seeds runs violates '$2'"
  exit 1
fi
echo "noticed: $runs of $seeds runs violate '$2'"
