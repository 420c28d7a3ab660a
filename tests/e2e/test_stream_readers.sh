#!/usr/bin/env bash
# Many readers of /api/stream, some of whom never read: the others are told everything, those are cut off, and what waits
# for them has a bound. READERS=500 SILENT=100 is the whole of it, for a program built without sanitizers.
# usage: test_stream_readers.sh PROGRAM
set -euo pipefail
bl=$1
# shellcheck source=tests/support/serving.sh
. "$(dirname "$0")/../support/serving.sh"
readers=${READERS:-100} silent=${SILENT:-20} patterns=${PATTERNS:-800}

# more ROUND USERS: an error after a click each, which is a pattern
more() {
  awk -v round="$1" -v n="$2" 'BEGIN { printf "["; for (i = 0; i < n; i++) {
    u = sprintf("user-%d-%d", round, i)
    printf "%s{\"user_id\":\"%s\",\"action\":\"click\",\"page\":\"/checkout-of-a-long-name\",\"metadata\":{\"target\":\"#buy\"}}", i ? "," : "", u
    printf ",{\"user_id\":\"%s\",\"action\":\"error\",\"page\":\"/checkout-of-a-long-name\"}", u } print "]" }'
}
rss() { awk '/VmRSS/ { print $2 }' "/proc/$serve/status"; }

start_redis
worker
serve a
before=$(rss)
python3 "$(dirname "$0")/../support/stream_readers.py" 127.0.0.1 "${url##*:}" $readers $silent $patterns 150 >"$dir/readers.log" 2>&1 &
watching=$!
pids+=("$watching")
until_true 60 grep ready "$dir/readers.log" || fail "they are not all connected"
most=0
for round in $(seq $((patterns / 50))); do
  more "$round" 50 >"$dir/more"
  [ "$(post "$url/events/batch" -d "@$dir/more")" = 202 ] || fail "$(cat "$dir/body")"
  now=$(rss)
  [ "$now" -le $most ] || most=$now
done
wait "$watching" || fail "$(cat "$dir/readers.log")"
cat "$dir/readers.log"
# Each has at most 256 KiB waiting; twice that with what the sanitizers put around it.
[ $((most - before)) -lt $((readers * 512)) ] || fail "serve grew from $before to $most KiB"
until_true 20 at_least stream_slow_readers_total $silent || fail "cut off: $(metric stream_slow_readers_total) of $silent"
echo "serve grew by $(((most - before) / 1024)) MiB; all well"
