#!/usr/bin/env bash
# `up` has Redis rewrite its append-only file when there is little to do, and what was in it is there after a restart. On a
# disk without room for a second one it has not.
# Usage: test_rewrite.sh PROGRAM
set -euo pipefail
program=$1
# shellcheck source=../support/e2e.sh
. "$(dirname "$0")/../support/e2e.sh"
unset PORT

start() {
    data=$work/$1
    "$program" up --port 0 --data "$data" > "$work/up.out" 2> "$work/up.err" &
    pid=$!
    started+=("$pid")
    eventually 30 grep -q "Ctrl-C stops it" "$work/up.out"
    socket=$(awk '/redis-cli/ { print $NF }' "$work/up.out")
}
redis() { REDISCLI_AUTH=$(cat "$data/redis.operator") redis-cli -s "$socket" --user operator "$@"; }
base_mb() { redis info persistence | awk -F: '/^aof_base_size/ { print int($2 / 1048576) }'; }
fill() { redis eval "for i = 1, 70 do redis.call('SET', 'junk:' .. i, string.rep(i % 10, 1048576)) end" 0 > "$work/eval"; }
is_short() { [ "$(base_mb)" -ge 70 ]; }

echo "-- a file that has grown is rewritten without being asked"
start data
[ "$(base_mb)" -lt 70 ] || fail "it is long already"
fill
eventually 60 is_short

echo "-- and holds everything"
kill -TERM "$pid"
wait "$pid"
start data
[ "$(redis dbsize)" -ge 70 ] || fail "keys are gone: $(redis dbsize)"
[ "$(redis getrange junk:69 0 2)" = 999 ] || fail "junk:69 is not what it was"
kill -TERM "$pid"
wait "$pid"

# Of 128 MB, of which the file takes some 70.
if [ "$(id -u)" != 0 ] || ! mkdir "$work/disk" || ! mount -t tmpfs -o size=128m none "$work/disk" 2> "$work/mount.err"; then
    echo "a full disk is not tested: mounting a small one takes root: $(cat "$work/mount.err" 2> /dev/null || true)"
    exit 0
fi
unmount() {
    local status=$?
    kill -9 "${started[@]}" 2> /dev/null || true
    umount -l "$work/disk" || true
    (exit $status)
    clean_up
}
trap unmount EXIT

echo "-- where it has no room it is not begun, which is said once"
start disk/data
fill
eventually 60 grep 'the disk has no room' "$work/up.err"
sleep 6 # one look more
[ "$(grep -c 'the disk has no room' "$work/up.err")" = 1 ] || fail "it is said more than once"
! grep 'rewriting started' "$data/redis.log" || fail "it was begun"
[ "$(redis set still there)" = OK ] || fail "redis takes no writes"
kill -TERM "$pid"
wait "$pid"
echo ok
