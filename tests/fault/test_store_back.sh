#!/usr/bin/env bash
# Redis dies and reads a long append-only file when it is back; Redis is emptied under a running serve and worker; a
# partition is kept from its worker. Neither process ends, and events are detected again by themselves.
# usage: test_store_back.sh PATH_TO_BEHAVIORLENS
set -euo pipefail
bl=$1
# shellcheck source=tests/support/processes.sh
. "$(dirname "$0")/../support/processes.sh"

port=$(free_port)
redis() { start_redis --appendonly yes --appendfsync everysec --enable-debug-command local "$@"; }
redis
"$bl" serve --redis "unix://$dir/redis.sock" --port $port 2>>"$dir/serve.log" &
serve=$!
"$bl" worker --redis "unix://$dir/redis.sock" 2>>"$dir/worker.log" &
worker=$!
pids+=("$serve" "$worker")

alive() { kill -0 "$serve" && kill -0 "$worker"; }
ready() { curl -s "http://127.0.0.1:$port/ready"; }
is_ready() { ready | grep '"status":"ready"' >/dev/null; }
says() { ready | grep "$1" >/dev/null; }
post() {
  curl -s -o "$dir/answer" -w '%{http_code}' "http://127.0.0.1:$port/events" \
    -d "{\"user_id\":\"$1\",\"action\":\"page_view\",\"page\":\"/p\"}"
}
lines() { grep -c -- "$2" "$dir/$1.log" || true; }
taken() { [ "$(post "$1")" = 202 ]; }
detected() { curl -s "http://127.0.0.1:$port/api/patterns" | grep "\"user_id\":\"$1\"" >/dev/null; }
works() {
  echo "works $1?"
  until_true 20 is_ready || fail "$1: not ready: $(ready)"
  for _ in 1 2 3 4; do until_true 20 taken "$2" || fail "$1: events are not taken: $(cat "$dir/answer")"; done # a page, again and again
  until_true 10 detected "$2" || fail "$1: nothing is detected: $(curl -s "http://127.0.0.1:$port/api/patterns")"
}
works "at first" first

# --- loading: 6,000 keys at a millisecond each
cli debug populate 6000 >/dev/null
cli bgrewriteaof >/dev/null
rewritten() { cli info persistence | tr -d '\r' | grep -qx 'aof_rewrite_in_progress:0' && cli info persistence |
  tr -d '\r' | grep -qx 'aof_rewrite_scheduled:0'; }
until_true 20 rewritten || fail "the append-only file is not rewritten"
key=$(cli hget bl:dev:meta hash_key)
kill -9 "$redis_pid"
wait "$redis_pid" 2>/dev/null || true
until_true 5 says redis_down || fail "away: $(ready)"
# it answers while it loads (PING says so)
redis --key-load-delay 1000 --loading-process-events-interval-bytes 1024
until_true 5 says redis_loading || fail "loading: $(ready)"
[ "$(post u)" = 503 ] || fail "an event is taken while redis loads"
alive || fail "a process ended while redis loads"
until_true 20 says '"status":"ready"' || fail "loaded: $(ready)"
alive || fail "a process ended when redis had loaded"
[ "$(cli hget bl:dev:meta hash_key)" = "$key" ] || fail "the hash key is another"
for who in serve worker; do
  [ "$(lines $who 'loading its files')" -le 2 ] && [ "$(lines $who 'redis is away')" -le 2 ] || fail "$who floods its log"
done
detected first || fail "what was detected is lost"
works "after loading" second

# --- what a group has read is not in that file: Redis guesses, and the guess may stay wrong
for p in {0..7}; do
  at=$(cli hget "bl:{dev:$p}:position" id)
  [ -z "$at" ] || cli xgroup setid "bl:{dev:$p}:events" core "$at" entriesread 0 >/dev/null
done
works "after a wrong guess" guessed
for _ in {1..12}; do # longer than from one look of serve's to the next
  [ "$(ready | jq '.lag_max < 4')" = true ] || fail "a lag that is none: $(ready)"
  sleep 0.05
done

# --- emptied
cli flushall >/dev/null
same_key() { [ "$(cli hget bl:dev:meta hash_key)" = "$key" ]; }
until_true 5 same_key || fail "emptied: no data set"
works "after flushall" third
alive || fail "a process ended when redis was emptied"

# --- writes refused for a while, and everybody has to connect anew
refused() { [ "$(post u)" = 503 ]; }
cli config set min-replicas-to-write 1 >/dev/null
cli client kill type normal >/dev/null 2>&1 || true
until_true 5 refused || fail "an event is taken while redis refuses writes"
sleep 1 # long enough for both to have tried again
alive || fail "a process ended when redis refused writes"
cli config set min-replicas-to-write 0 >/dev/null
works "after refused writes" fifth

# --- a partition that nobody works on
cli acl setuser default resetkeys '%R~*' '~bl:dev:*' '~bl:{dev:[0-24-7]}:*' >/dev/null
until_true 10 says 'partition_unowned' || fail "an unowned partition: $(ready)"
says 'these partitions: 3"' || fail "the partition is not named: $(ready)"
cli acl setuser default resetkeys '~*' >/dev/null
works "after the partition is back" fourth

# --- a promise that this Redis does not keep
for who in serve worker; do
  status=0
  BL_PORT=0 timeout 120 "$bl" "$who" --redis "unix://$dir/redis.sock" --durability always 2>"$dir/always.log" || status=$?
  [ $status -eq 1 ] && grep -q 'appendfsync always' "$dir/always.log" || fail "$who --durability always: $status"
done
