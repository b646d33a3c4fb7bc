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

cat >one.plan <<'EOF'
seed 5
nodes 3
duration 6000 ms
expect 1 faults
expect term 3
at 3000 ms: kill_leader(0, 0) for 500 ms
EOF
expect 0 passed "$sim" --plan one.plan --history run.jsonl --html run.html
grep -qF '"args":"raftkit-sim --plan one.plan"' run.jsonl || fail 'the history does not say how to repeat it'
grep -qF 'raftkit-sim --plan one.plan' run.html || fail 'the page does not say how to repeat it'
expect 0 '--- one.plan' "$sim" --plan .
expect 0 'this run passes: nothing to shrink' "$sim" --plan one.plan --shrink less.plan
sed 's/term 3/term 99/' one.plan >two.plan
expect 2 '--plan and --nodes do not go together' "$sim" --plan one.plan --nodes 3
expect 2 '--seed and --jobs do not go together' "$sim" --seed 1 --jobs 1
expect 2 '--seeds and --html do not go together' "$sim" --seeds 2 --html run.html
expect 2 '--check and --marks do not go together' "$sim" --check run.jsonl --marks
expect 2 '--shrink and --html do not go together' "$sim" --seed 1 --shrink less.plan --html run.html
expect 1 'FAILED: expected term 99 or a later one' "$sim" --plan two.plan
expect 1 '--- two.plan' "$sim" --plan .
sed 's/kill_leader/kill_boss/' one.plan >two.plan
expect 2 "two.plan:6: there is no fault 'kill_boss'; there are split, " "$sim" --plan two.plan
mkdir none
expect 2 'there is no *.plan in none' "$sim" --plan none
