#!/usr/bin/env bash
# What is kept for a time is gone after it, though nothing new comes: every retention is set to seconds, a few events are
# sent, and then Redis is looked at until nothing of them is there. Usage: test_idle.sh PROGRAM
set -euo pipefail
bl=$1
# shellcheck source=tests/support/processes.sh
source "$(dirname "$0")/../support/processes.sh"
port=$(free_port)
url=http://127.0.0.1:$port
options=(--redis "unix://$dir/redis.sock" --env test --durability none)

start_redis --appendonly no
"$bl" serve "${options[@]}" --port "$port" --bad-retention 2s --audit-retention 2s 2>>"$dir/serve.log" &
pids+=($!)
"$bl" worker "${options[@]}" --stream-retention 1s --recent-retention 2s --quarantine-retention 2s \
  --pattern-retention 30m 2>>"$dir/worker.log" &
pids+=($!)
until_true 10 curl -sf "$url/ready" || fail "not ready"

for user in ann bob cid; do
  for target in a b; do
    curl -sf -o "$dir/out" "$url/events" -d "{\"user_id\":\"$user\",\"action\":\"dead_click\",\"page\":\"/p\",\"metadata\":{\"target\":\"$target\"}}"
  done
  curl -s -o "$dir/out" "$url/events" -d "{\"user_id\":\"$user\",\"action\":\"unheard-of\"}"
done
processed() { [ "$(curl -s "$url/api/metrics" | grep -o '"patterns_detected":[0-9]*' | cut -d: -f2)" = 6 ]; }
until_true 10 processed || fail "the events were not processed"
cli xadd 'bl:{test:1}:events' '*' events 'no event' >"$dir/out"
id=$(curl -s "$url/api/patterns" | grep -o '"pattern_id":"[0-9a-f]*' | sed -n 1p | cut -d'"' -f4 || true)
curl -sf -o "$dir/out" -X PATCH "$url/api/patterns/$id/resolve" || fail "resolve"
there() { [ "$(cli exists "$1")" = 1 ]; }
for key in 'bl:{test:1}:quarantine' bl:test:bad bl:test:audit; do
  until_true 10 there "$key" || fail "$key was never there"
done

sum() { # COMMAND NAME: over the partitions
  local p n=0
  for p in 0 1 2 3 4 5 6 7; do n=$((n + $(cli "$1" "bl:{test:$p}:$2"))); done
  echo "$n"
}
none() { [ "$(sum "$1" "$2")" = 0 ]; }
no_bad() { [ "$(cli xlen bl:test:bad)" = 0 ]; }
no_resolve() { ! cli --raw xrange bl:test:audit - + | grep -x resolve; }
until_true 30 no_bad || fail "bad events stay: $(cli xlen bl:test:bad)"
until_true 30 none llen recent || fail "recent events stay: $(sum llen recent)"
until_true 30 none xlen quarantine || fail "what was set aside stays: $(sum xlen quarantine)"
until_true 30 none xlen events || fail "processed entries stay: $(sum xlen events)"
until_true 30 no_resolve || fail "the audit trail keeps what is too old"
"$bl" inspect audit --verify --redis "unix://$dir/redis.sock" --env test >"$dir/out" || fail "the trail: $(cat "$dir/out")"
[ "$(sum zcard patterns)" = 6 ] || fail "patterns went though they may stay"
curl -sf "$url/api/bad-events" | grep -x '\[\]' >"$dir/out" || fail "the API still has bad events"
curl -sf "$url/api/events" | grep -x '\[\]' >"$dir/out" || fail "the API still has recent events"
echo "idle: nothing stays longer than it may"
