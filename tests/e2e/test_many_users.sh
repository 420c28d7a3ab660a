#!/usr/bin/env bash
# Very many users, each on a page of his own: what Redis holds of them goes by itself, pages are counted up to a bound and
# the rest as "(other)", and serve and worker do not grow with the number of users. USERS=1000000 shows it with figures;
# FORGET=1 PATIENCE=900 waits until all are forgotten too: five minutes after their session (ARCHITECTURE 3).
# usage: test_many_users.sh PROGRAM
set -euo pipefail
bl=$1
# shellcheck source=tests/support/serving.sh
. "$(dirname "$0")/../support/serving.sh"
users=${USERS:-20000} patience=${PATIENCE:-60}

cat >"$dir/short.yaml" <<'Y'
session-timeout: 1s
stream-retention: 0
event-memory: 1s
pattern-max: 1000
Y
worker() {
  "$bl" worker --config "$dir/short.yaml" --redis "unix://$dir/redis.sock" --durability none 2>>"$dir/worker.log" &
  worker=$!
  pids+=("$worker")
}
rss() { awk '/VmRSS/ { print $2 }' "/proc/$1/status"; }
used() { cli info memory | awk -F: '/^used_memory:/ { print int($2 / 1024) }'; }
round() { python3 "$(dirname "$0")/../support/many_users.py" 127.0.0.1 "${url##*:}" "$users" "$1"; }
lag() { curl -fs "$url/api/partitions" | jq '[.[].lag] | add'; }
no_lag() { [ "$(lag)" = 0 ]; }
sum() { local n=0 p v; for p in 0 1 2 3 4 5 6 7; do v=$(cli "$1" "bl:{dev:$p}:$2" | sed -n 1p); n=$((n + v)); done; echo $n; }
all_seen() { [ "$(curl -fs "$url/api/metrics" | jq .total_events)" -ge $((users * $1)) ]; }
live() { sum zcard active; }
forgotten() { [ "$(live)" -lt $((users / 20)) ]; }

start_redis
worker
serve a --stream-max 100000000
empty=$(used)
echo "$users users on $users pages: sent in $(round 1) s"
until_true "$patience" all_seen 1 || fail "processed $(curl -fs "$url/api/metrics" | jq .total_events)"
echo "at most: Redis $(($(used) - empty)) KiB for $(live) users, serve $(rss "$serve") KiB, worker $(rss "$worker") KiB"
pages=0
for p in 0 1 2 3 4 5 6 7; do
  for key in $(cli --scan --pattern "bl:{dev:$p}:pages:*"); do
    n=$(cli hlen "$key")
    [ "$n" -le 3000 ] || fail "$n counters in $key"
    [ "$(cli hexists "$key" 'views (other)')" = 0 ] || pages=$((pages + 1))
  done
done
[ $pages -ge 1 ] || [ "$users" -lt 20000 ] || fail "no page is counted as (other)"
serve_then=$(rss "$serve") worker_then=$(rss "$worker")
echo "once more, other users: sent in $(round 2) s"
until_true "$patience" all_seen 2 || fail "the second round is not processed"
until_true "$patience" no_lag || fail "a lag stays"
[ "$(rss "$serve")" -lt $((serve_then + 32768)) ] || fail "serve grows with the number of users: $serve_then, then $(rss "$serve") KiB"
[ "$(rss "$worker")" -lt $((worker_then * 2 + 32768)) ] || fail "the worker grows with the number of users: $worker_then, then $(rss "$worker") KiB"
for p in 0 3 7; do
  for key in $(cli --scan --pattern "bl:{dev:$p}:user:*" | sed -n 1,20p); do
    [ "$(cli pttl "$key")" != -1 ] || fail "$key has no TTL"
  done
done
if [ -n "${FORGET:-}" ]; then
  until_true "$patience" forgotten || fail "$(live) users are still there"
  echo "forgotten: Redis $(($(used) - empty)) KiB for $(live) users"
fi
echo "all well"
