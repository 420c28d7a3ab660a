#!/usr/bin/env bash
# The machine dies: the append-only file ends anywhere, in the middle of a command, of a transaction, in zeros. `up` starts
# on what is left, works, and is started once more; every time what is stored is what the stream that is left gives
# (SPEC 3.5, invariants 1, 2, 5): no half of a commit, then or later.
# usage: test_torn_aof.sh PATH_TO_BEHAVIORLENS [CUTS [SEED]]
set -euo pipefail
bl=$1
cuts=${2:-6}
seed=${3:-$RANDOM}
# shellcheck source=tests/support/processes.sh
. "$(dirname "$0")/../support/processes.sh"
data=$dir/data
echo "seed $seed"
RANDOM=$seed

cat >"$dir/fast.yaml" <<'Y'
partitions: 2
rules:
  hesitation: {low: 1s, medium: 2s, high: 3s, cooldown: 4s}
  abandonment: {timeout: 2s}
  navigation-loop: {quiet: 3s}
session-timeout: 5s
Y

# start: sets $up and $url
start() {
  rm -f "$dir/up.out"
  "$bl" up --data "$data" --port 0 --config "$dir/fast.yaml" >"$dir/up.out" 2>>"$dir/up.log" &
  up=$!
  pids+=("$up")
  until_true 30 grep 'Ctrl-C stops it' "$dir/up.out" || fail "cut $cut: up does not start: $(cat "$dir/up.out")"
  url=$(awk '/Dashboard/ { sub("/$", "", $2); print $2 }' "$dir/up.out")
  until_true 20 curl -fsS "$url/ready" || fail "cut $cut: not ready: $(curl -sS "$url/ready")"
}
idle() { [ "$(curl -fsS "$url/api/partitions" | jq '[.[].lag] | add')" = 0 ]; }
stop() {
  until_true 20 idle || fail "cut $cut: the worker does not catch up"
  kill -TERM "$up"
  wait "$up" || fail "cut $cut: up did not stop cleanly"
}

# What stands in the stream, worked off in memory, against what is stored; on a bare Redis, so that nothing moves.
judge() {
  local bare=$dir/bare.sock p added counted=0 n
  cp -r "$data/appendonlydir" "$dir/judged"
  redis-server --port 0 --unixsocket "$bare" --dir "$dir" --appenddirname judged --appendonly yes --save '' >"$dir/bare.log" &
  local pid=$!
  pids+=("$pid")
  local b=(redis-cli -s "$bare" --raw)
  until_true 10 "${b[@]}" dbsize || fail "cut $cut: the file is not read: $(tail -n 5 "$dir/bare.log")"
  "$bl" inspect lag --json --redis "unix://$bare" >"$dir/lag"
  if [ "$(jq '[.[].lag] | add' "$dir/lag")" != 0 ]; then # a tick came last of all
    kill -9 "$pid"
    wait "$pid" 2>/dev/null || true
    rm -rf "$dir/judged"
    return 1
  fi
  [ "$(jq '[.[] | select(.entries_added != .entries_committed + .lag)] | length' "$dir/lag")" = 0 ] ||
    fail "cut $cut: entries are lost: $(jq -c . "$dir/lag")"
  "$bl" inspect entries --redis "unix://$bare" >"$dir/entries"
  "$bl" replay --entries "$dir/entries" 2>>"$dir/replay.log" | jq -r '[.pattern_id, .severity, .updated_at, .explanation] | join(" ")' | sort >"$dir/replayed"
  : >"$dir/stored"
  for p in 0 1; do
    "${b[@]}" zrange "bl:{dev:$p}:patterns" 0 -1 | sed "/./!d; s/.*/hmget bl:{dev:$p}:pattern:& pattern_id severity updated_at explanation/" |
      "${b[@]}" | paste -d ' ' - - - - >>"$dir/stored"
    added=$("${b[@]}" hget "bl:{dev:$p}:counters" patterns)
    [ "${added:-0}" = "$("${b[@]}" zcard "bl:{dev:$p}:patterns")" ] || fail "cut $cut: half a commit in partition $p"
    # what a commit adds to: each event is counted, and kept among the recent ones, once
    "${b[@]}" lrange "bl:{dev:$p}:recent" 0 -1 | grep '"' | sort | uniq -d >"$dir/twice"
    [ ! -s "$dir/twice" ] || fail "cut $cut: taken twice in partition $p: $(sed -n 1p "$dir/twice")"
    n=$("${b[@]}" hget "bl:{dev:$p}:counters" events)
    counted=$((counted + ${n:-0}))
  done
  [ "$counted" = "$(grep -c '"event":' "$dir/entries")" ] ||
    fail "cut $cut: $(grep -c '"event":' "$dir/entries") events in the stream, $counted counted"
  sort -o "$dir/stored" "$dir/stored"
  kill -9 "$pid"
  wait "$pid" 2>/dev/null || true
  rm -rf "$dir/judged"
  cmp "$dir/stored" "$dir/replayed" || {
    diff "$dir/stored" "$dir/replayed" | sed -n 1,6p >&2 || true
    fail "cut $cut: what is stored is not what the stream gives"
  }
}
settled() {
  for _ in {1..20}; do
    stop
    if judge; then return 0; fi
    start
  done
  fail "cut $cut: never at rest"
}

# --- a file with something in it
cut=none
start
"$bl" simulate --url "$url" --users 30 --rate 40 --speed 20 --seed "$seed" --duration 4s >"$dir/simulate.log" 2>&1
settled
mv "$data/appendonlydir" "$dir/whole"
[ "$(wc -l <"$dir/stored")" -gt 10 ] || fail "too few patterns to tell anything"
file=$(ls "$dir/whole"/*.incr.aof)
size=$(stat -c %s "$file")
echo "$(wc -l <"$dir/stored") patterns, $size bytes"

# Where the transactions of the second half of the file are: offset of MULTI, of the end of the command behind it, of EXEC.
grep -abo -F $'*1\r\n$5\r\nMULTI\r' "$file" | cut -d: -f1 >"$dir/multi"
grep -abo -F $'*1\r\n$4\r\nEXEC\r' "$file" | cut -d: -f1 >"$dir/exec"
[ "$(wc -l <"$dir/multi")" -gt 20 ] || fail "too few transactions"
transaction() { # sets from and to: of one that counts something, a commit
  local n all
  all=$(wc -l <"$dir/exec")
  for _ in {1..100}; do
    n=$((all / 4 + (RANDOM * 32768 + RANDOM) % (all * 3 / 4)))
    to=$(sed -n "$((n + 1))p" "$dir/exec")
    from=$(awk -v to="$to" '$1 < to { at = $1 } END { print at }' "$dir/multi")
    if head -c "$to" "$file" | tail -c $((to - from)) | grep -a ':counters' >/dev/null; then return 0; fi
  done
  fail "no commit found"
}

for ((k = 0; k < cuts; k++)); do
  transaction
  zeros=0
  case $((k % 6)) in
  0) at=$((to + 1 + RANDOM % 12)) ;;                          # in the EXEC
  1) at=$((from + 16 + (RANDOM * 32768 + RANDOM) % (to - from))) ;; # anywhere in it
  2) at=$to ;;                                                # all but the EXEC
  3) at=$((from + 15)) ;;                                     # a MULTI, and nothing else
  4) at=$((size / 3 + (RANDOM * 32768 + RANDOM) % (size * 2 / 3))) ;;
  5) at=$((from + 16 + (RANDOM * 32768 + RANDOM) % (to - from))) zeros=$((RANDOM % 4096 + 1)) ;;
  esac
  cut="$k at $at of $size, $zeros zeros"
  rm -rf "$data/appendonlydir"
  cp -r "$dir/whole" "$data/appendonlydir"
  truncate -s "$at" "$data/appendonlydir/$(basename "$file")"
  truncate -s "+$zeros" "$data/appendonlydir/$(basename "$file")"
  start
  until_true 10 curl -fsS "$url/events" -d '{"user_id":"after","action":"page_view","page":"/cart"}' || fail "cut $cut: nothing is taken"
  until_true 10 curl -fsS "$url/events/batch" -d '[{"user_id":"a","action":"page_view","page":"/x"},{"user_id":"b","action":"page_view","page":"/x"},{"user_id":"c","action":"page_view","page":"/x"}]'
  if [ $((k % 2)) = 0 ]; then # killed, not stopped: Redis is told by the kernel, and has written all of this
    kill -9 "$up"
    wait "$up" 2>/dev/null || true
  else
    settled
  fi
  start
  settled
  echo "cut $cut: $(wc -l <"$dir/stored") patterns"
done
