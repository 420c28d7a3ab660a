#!/usr/bin/env bash
# `up` has Redis rewrite its append-only file when there is little to do, and what was in it is there after a restart.
# Usage: test_rewrite.sh PROGRAM
set -euo pipefail
program=$1
# shellcheck source=../support/e2e.sh
. "$(dirname "$0")/../support/e2e.sh"
unset PORT

start() {
    "$program" up --port 0 --data "$work/data" > "$work/up.out" 2> "$work/up.err" &
    pid=$!
    started+=("$pid")
    eventually 30 grep -q "Ctrl-C stops it" "$work/up.out"
    socket=$(awk '/redis-cli/ { print $NF }' "$work/up.out")
}
redis() { REDISCLI_AUTH=$(cat "$work/data/redis.operator") redis-cli -s "$socket" --user operator "$@"; }
base_mb() { redis info persistence | awk -F: '/^aof_base_size/ { print int($2 / 1048576) }'; }
is_short() { [ "$(base_mb)" -ge 70 ]; }

echo "-- a file that has grown is rewritten without being asked"
start
[ "$(base_mb)" -lt 70 ] || fail "it is long already"
redis eval "for i = 1, 70 do redis.call('SET', 'junk:' .. i, string.rep(i % 10, 1048576)) end" 0 > "$work/eval"
eventually 60 is_short

echo "-- and holds everything"
kill -TERM "$pid"
wait "$pid"
start
[ "$(redis dbsize)" -ge 70 ] || fail "keys are gone: $(redis dbsize)"
[ "$(redis getrange junk:69 0 2)" = 999 ] || fail "junk:69 is not what it was"
kill -TERM "$pid"
wait "$pid"
echo ok
