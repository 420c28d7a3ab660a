#!/usr/bin/env bash
# Real workers share the partitions; one dies, one leaves, one is stopped and wakes up, Redis is restarted: the
# partitions always end with the living, evenly.
# usage: test_failover.sh PATH_TO_BEHAVIORLENS
set -euo pipefail
bl=$1
# shellcheck source=tests/support/processes.sh
. "$(dirname "$0")/../support/processes.sh"

start_redis --appendonly yes --appendfsync always
worker() {
  "$bl" worker --redis "unix://$dir/redis.sock" --partitions 8 2>>"$dir/worker$1.log" &
  pid=$!
  pids+=("$pid")
}
# how many leases the worker with that pid holds
held() {
  local n=0 p
  for p in 0 1 2 3 4 5 6 7; do
    case $(cli get "bl:{dev:$p}:lease") in *"-$1-"*) n=$((n + 1)) ;; esac
  done
  echo $n
}
holds() { [ "$(held "$1")" -ge "$2" ] && [ "$(held "$1")" -le "$3" ]; }
# 400 events into the eight streams; what was fed is counted
fed=0
feed() {
  local i
  for i in $(seq 1 400); do
    printf 'XADD bl:{dev:%d}:events * events "{\\"user_id\\":\\"u%d\\",\\"action\\":\\"page_view\\",\\"page\\":\\"/p%d\\",\\"event_id\\":\\"e%d\\"}"\n' \
      $((i % 8)) $((i % 40)) $((i % 7)) $((fed + i))
  done | cli >"$dir/fed"
  [ "$(grep -c -- - "$dir/fed")" -eq 400 ] || fail "appends: $(head -1 "$dir/fed")"
  fed=$((fed + 400))
}
# what all partitions count under that name
counted() {
  local sum=0 n p
  for p in 0 1 2 3 4 5 6 7; do
    n=$(cli hget "bl:{dev:$p}:counters" "$1")
    sum=$((sum + ${n:-0}))
  done
  echo $sum
}
all_counted() { [ "$(counted events)" -ge "$fed" ]; }
moved() { # since when, in ms
  echo "$1: $(($(date +%s%3N) - $2)) ms"
}

worker 1; a=$pid
until_true 15 holds "$a" 8 8 || fail "one worker takes all"
worker 2; b=$pid
worker 3; c=$pid
for w in $a $b $c; do until_true 15 holds "$w" 2 3 || fail "three workers share evenly"; done

feed
since=$(date +%s%3N)
kill -9 "$b"
for w in $a $c; do until_true 15 holds "$w" 4 4 || fail "the others take over from a dead one"; done
moved "after kill -9" "$since"

feed
since=$(date +%s%3N)
kill -TERM "$c"
until_true 15 holds "$a" 8 8 || fail "who leaves gives back"
moved "after SIGTERM" "$since"
wait "$c" || fail "a worker that is told to stop exits with 0"

worker 4; d=$pid
until_true 15 holds "$d" 4 4 || fail "a new one gets its share"
feed
since=$(date +%s%3N)
kill -STOP "$a"
feed
until_true 15 holds "$d" 8 8 || fail "a stalled one loses its partitions"
moved "after SIGSTOP" "$since"
feed
kill -CONT "$a"
feed
until_true 15 holds "$a" 4 4 || fail "and gets a share again"
until_true 15 holds "$d" 4 4 || fail "and no more"

feed
kill -9 "$redis_pid"
wait "$redis_pid" 2>/dev/null || true
start_redis --appendonly yes --appendfsync always
for w in $a $d; do until_true 15 holds "$w" 4 4 || fail "after a restart of Redis"; done
feed

# Each event counted exactly once, nothing pending, entries added = committed + lag (which is none).
until_true 30 all_counted || fail "$(counted events) of $fed events processed"
[ "$(counted events)" -eq "$fed" ] || fail "$(counted events) events counted, $fed fed"
[ "$(counted duplicates)" -eq 0 ] || fail "$(counted duplicates) events taken for duplicates"
[ "$(counted lost)" -eq 0 ] || fail "entries lost"
committed() {
  local p
  for p in 0 1 2 3 4 5 6 7; do
    [ "$(cli xpending "bl:{dev:$p}:events" core | sed -n 1p)" -eq 0 ] || return 1
    [ "$(cli hget "bl:{dev:$p}:position" entries)" -eq \
      "$(cli xinfo stream "bl:{dev:$p}:events" | grep -A1 entries-added | tail -1)" ] || return 1
  done
}
until_true 15 committed || fail "position, pending entries and the stream do not agree"
kill -TERM "$a" "$d"
wait "$a" || fail "exit status of the first"
wait "$d" || fail "exit status of the last"
grep -h '"level":"error"' "$dir"/worker*.log && fail "errors in the log"
exit 0
