#!/bin/sh
# raftkit-sim's files, from the command line: what it writes it reads, and what is wrong with them it says.
# usage: simulation_files.sh RAFTKIT-SIM
set -eu
sim=$1
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"

fail() {
  echo "FAILED: $*" >&2
  exit 1
}
# expect STATUS WORDS COMMAND...: the command ends with this status and says these words.
expect() {
  status=0
  wanted=$1
  words=$2
  shift 2
  "$@" >said 2>&1 || status=$?
  [ "$status" -eq "$wanted" ] || fail "$* ended with $status instead of $wanted: $(cat said)"
  grep -qF -- "$words" said || fail "$* does not say '$words', but: $(cat said)"
}

expect 0 passed "$sim" --seed 7 --history run.jsonl
expect 0 linearizable "$sim" --check run.jsonl
# The last answer of all becomes one that was given long before.
last=$(grep -n '"outcome":"ok"' run.jsonl | tail -1 | cut -d: -f1)
sed "${last}s/\"length\":[0-9]*/\"length\":1/" run.jsonl >edited.jsonl
expect 1 'NOT LINEARIZABLE: operation ' "$sim" --check edited.jsonl
cp said convicted
grep -q '  expected length [0-9]*, got 1$' said || fail "no reason is given: $(cat said)"
# The page says the same as the terminal.
expect 1 'NOT LINEARIZABLE' "$sim" --check edited.jsonl --html run.html
words=$(sed -n 's/^NOT LINEARIZABLE: //p' convicted)
grep -qF "$words" run.html || fail "the page does not say '$words'"
expect 0 passed "$sim" --seed 7 --html run.html
grep -q 'nothing is wrong' run.html || fail 'the page of a run that passed does not say so'
expect 2 'cannot write none/run.html' "$sim" --seed 7 --html none/run.html
sed "${last}s/\"ret\":[0-9]*/\"ret\":0/" run.jsonl >edited.jsonl
expect 2 "edited.jsonl:$last: it returns at 0, before its call" "$sim" --check edited.jsonl
expect 2 'cannot read none.jsonl' "$sim" --check none.jsonl
