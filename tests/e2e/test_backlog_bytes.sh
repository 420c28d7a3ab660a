#!/usr/bin/env bash
# A backlog too large in bytes is refused, by a new process too, until workers have made it small; and the last of Redis'
# memory is theirs.
# usage: test_backlog_bytes.sh PROGRAM
set -euo pipefail
bl=$1
# shellcheck source=tests/support/serving.sh
. "$(dirname "$0")/../support/serving.sh"

start_redis

echo "a backlog too large in bytes is refused, known to a new process too, and gone when it is worked off"
limit=$((512 * 1024))
serve e --backlog-max-bytes $limit --user-rate 0
big=$(printf 'x%.0s' $(seq 6000))
stored=0
for _ in $(seq 200); do
  status=$(post "$url/events" -d "{\"user_id\":\"big\",\"action\":\"click\",\"page\":\"/p\",\"metadata\":{\"x\":\"$big\"}}")
  [ "$status" = 202 ] || break
  stored=$((stored + 1))
done
[ "$status" = 503 ] || fail "no limit in bytes: $status"
[ "$(jq -r .error.code "$dir/body")" = backlog_full ] || fail "$(cat "$dir/body")"
[ "$(header retry-after)" -ge 1 ] || fail "no Retry-After"
# An estimate: what entries weigh is sampled, and what comes between two looks is taken, the more the faster curl is.
if [ $((stored * 6000)) -gt $((limit * 2)) ] || [ $((stored * 6400)) -lt $((limit / 2)) ]; then fail "$stored of 6,000 bytes each were taken"; fi
until_true 10 sh -c "curl -s $url/ready | grep backlog-max-bytes" || fail "/ready does not say so"
until_true 10 at_least backlog_bytes_requests_total 1 || fail "not counted"
end "$serve"
listen f --backlog-max-bytes $limit --user-rate 0
refuses() { [ "$(post "$url/events" -d "$(event big y$RANDOM)")" = 503 ] && grep backlog_full "$dir/body" >/dev/null; }
until_true 20 refuses || fail "a new process does not see the backlog"
worker
takes() { [ "$(post "$url/events" -d "$(event big z$RANDOM)")" = 202 ]; }
until_true 30 takes || fail "still refused when the workers are through"

echo "redis' memory: what the workers need is not given to events"
# Again and again: what Redis uses falls by a sixth when it gives back the buffers of its connections.
used() { cli info memory | awk -F: '/^used_memory:/ { print $2 + 0 }'; }
full() {
  cli config set maxmemory "$(used)"
  refuses && at_least backlog_memory_requests_total 1
}
until_true 20 full || fail "events take the last memory"

echo "and while Redis takes nothing from anybody /metrics goes on"
cli config set maxmemory $(($(used) * 3 / 4)) >/dev/null
cli set other x 2>&1 | grep OOM >/dev/null || fail "Redis is not full"
before=$(metric backlog_memory_requests_total)
counts() { refuses && at_least backlog_memory_requests_total $((before + 1)); }
until_true 20 counts || fail "$(metric backlog_memory_requests_total) requests refused, $before before"
cli config set maxmemory 0 >/dev/null
until_true 20 takes || fail "still refused"
echo "all well"
