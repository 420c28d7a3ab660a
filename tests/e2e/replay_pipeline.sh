#!/usr/bin/env bash
# Replay gives the same bytes in memory, through Redis with one worker and one partition, and with four workers and
# eight partitions while workers are killed in the middle (SPEC 8, 3.5).
# usage: replay_pipeline.sh PATH_TO_BEHAVIORLENS
set -euo pipefail
bl=$1
# shellcheck source=tests/support/processes.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/processes.sh"

events 40000 300 7 >"$dir/events.ndjson"
"$bl" replay "$dir/events.ndjson" >"$dir/memory" || fail "replay in memory"
[ "$(wc -l <"$dir/memory")" -gt 1000 ] || fail "too few patterns to compare: $(wc -l <"$dir/memory")"
for type in hesitation navigation-loop abandonment rage-click dead-click error-click form-abandonment quick-back; do
  grep -q "\"type\":\"$type\"" "$dir/memory" || fail "no $type in the run"
done

gzip -k "$dir/events.ndjson"
"$bl" replay - <"$dir/events.ndjson.gz" | cmp - "$dir/memory" || fail "gzip from standard input differs"

"$bl" replay --redis private --workers 1 --partitions 1 "$dir/events.ndjson" >"$dir/one" || fail "one worker"
cmp "$dir/one" "$dir/memory" || fail "one worker, one partition: the output differs"

"$bl" replay --redis private --workers 4 --partitions 8 "$dir/events.ndjson" >"$dir/four" &
replay=$!
kills=0
while kill -0 "$replay" 2>/dev/null; do
  victim=$(pgrep -P "$replay" -f ' worker ' | shuf | sed -n 1p || true)
  if [ -n "$victim" ] && [ "$kills" -lt 8 ] && kill -9 "$victim" 2>/dev/null; then
    kills=$((kills + 1))
  fi
  sleep 0.4
done
wait "$replay" || fail "four workers under fire"
[ "$kills" -gt 0 ] || fail "the run was over before a worker could be killed"
cmp "$dir/four" "$dir/memory" || fail "four workers, eight partitions, $kills kills: the output differs"
echo "ok: $(wc -l <"$dir/memory") patterns, three ways, $kills workers killed"
