#!/usr/bin/env bash
# The mutation exam: see run.sh --help and docs/testing.md.
set -euo pipefail
exec python3 "$(dirname "${BASH_SOURCE[0]}")/exam.py" "$@"
