#!/usr/bin/env bash
# Workers are killed with -9 while they work; what comes out is, byte for byte, what one process in memory finds
# (SPEC 3.5; invariants: no entry acknowledged before its effects are stored, no effect stored without its entry).
# usage: test_crash.sh PATH_TO_BEHAVIORLENS
set -euo pipefail
bl=$1
# shellcheck source=tests/support/processes.sh
. "$(dirname "$0")/../support/processes.sh"

events 60000 80 7 >"$dir/events.ndjson"
"$bl" replay "$dir/events.ndjson" >"$dir/expected" 2>"$dir/memory.log" || fail "replay in memory"
[ "$(wc -l <"$dir/expected")" -gt 1000 ] || fail "too few patterns to tell anything"

# Short leases, so that the dying costs little and happens often; not for ever, for who starts them again gets tired.
printf 'lease: 300ms\nrenew: 60ms\n' >"$dir/quick.yaml"
"$bl" replay --redis private --workers 3 --partitions 4 --config "$dir/quick.yaml" "$dir/events.ndjson" \
  >"$dir/found" 2>"$dir/replay.log" &
replay=$!
pids+=("$replay")
kills=0
while kill -0 "$replay" 2>/dev/null && [ $kills -lt 15 ]; do
  victims=$(ps -o pid=,args= --ppid "$replay" | awk '$3 == "worker" {print $1}' | shuf | sed -n 1p || true)
  for pid in $victims; do kill -9 "$pid" 2>/dev/null && kills=$((kills + 1)); done
  sleep "0.$((RANDOM % 4))$((RANDOM % 10))"
done
wait "$replay" || fail "replay through the store"
[ "$kills" -gt 0 ] || fail "nobody was killed"
cmp "$dir/expected" "$dir/found" || fail "the patterns differ after $kills kills"
echo "$kills kills, $(wc -l <"$dir/found") patterns, no difference"
