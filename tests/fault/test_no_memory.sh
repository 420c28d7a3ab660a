#!/usr/bin/env bash
# One allocation of a real process fails: of a worker while it works, of a server while it is asked. Each goes on, or ends
# with a word and a status; nobody hangs, and what was answered 202 takes effect exactly once. libh2o ends by a signal of its
# own (h2o_fatal), which is no fault of ours and is counted. usage: test_no_memory.sh PROGRAM PRELOAD [SEED]
set -euo pipefail
bl=$1 preload=$2 seed=${3:-2}
# shellcheck source=tests/support/processes.sh
. "$(dirname "$0")/../support/processes.sh"
ulimit -c 0
RANDOM=$seed
start_redis --appendonly yes --appendfsync always
url=unix://$dir/redis.sock
port=$(free_port)
printf 'lease: 300ms\nrenew: 60ms\npartitions: 2\n' >"$dir/quick.yaml"
sent=0 ended=0 signalled=0

counted() {
  local sum=0 n p
  for p in 0 1; do n=$(cli hget "bl:{dev:$p}:counters" "$1"); sum=$((sum + ${n:-0})); done
  echo $sum
}
ready() { curl -fsS -m 1 "http://127.0.0.1:$port/health"; }
serve() { # AT
  LD_PRELOAD=$preload NO_MEMORY_AT=$1 NO_MEMORY_N=$((1 + RANDOM % 30)) "$bl" serve --redis "$url" --config "$dir/quick.yaml" --port $port \
    2>"$dir/serve.log" &
  server=$!
  pids+=("$server")
}
worker() { # AT
  LD_PRELOAD=$preload NO_MEMORY_AT=$1 NO_MEMORY_N=$((1 + RANDOM % 30)) "$bl" worker --redis "$url" --config "$dir/quick.yaml" 2>"$dir/worker.log" &
  worker=$!
  pids+=("$worker")
}
# A process whose memory failed may have ended: with a status, and a word.
look() { # PID LOG
  local status=0
  kill -TERM "$1" 2>/dev/null || true
  timeout 20 tail --pid="$1" -f /dev/null || fail "a process without memory hangs"
  wait "$1" 2>/dev/null || status=$?
  [ $status -eq 0 ] && return
  ended=$((ended + 1))
  [ $status -gt 128 ] || { [ -s "$2" ] || fail "status $status without a word"; return 0; }
  signalled=$((signalled + 1))
  # h2o_fatal's own words, and nothing else: not ours, not a second fault behind them.
  [ $status -ne 134 ] || ! grep 'fatal:.*h2o/.*no memory' "$2" >/dev/null || return 0
  fail "signal $((status - 128)), which is not h2o's: $(tail -n 3 "$2")"
}
# An answer of 202 alone is counted; what was not answered is sent again with its id.
post() {
  local id="e$sent" tries=0
  until [ "$(curl -sS -m 2 -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/events" -H 'Content-Type: application/json' \
    -d "{\"user_id\":\"u$((sent % 7))\",\"action\":\"click\",\"page\":\"/p\",\"event_id\":\"$id\"}" 2>/dev/null)" = 202 ]; do
    [ $((tries += 1)) -lt 60 ] || return 1
    kill -0 "$server" 2>/dev/null || { look "$server" "$dir/serve.log"; serve -1; until_true 20 ready || fail "no server"; }
    sleep 0.05
  done
  sent=$((sent + 1))
}

for round in $(seq 12); do
  # From the first allocations, where all is set up, to those of a process that works.
  serve $((RANDOM % (round * 400)))
  worker $((RANDOM % (round * 400)))
  until_true 5 ready || { look "$server" "$dir/serve.log"; serve -1; until_true 20 ready || fail "no server"; }
  for _ in $(seq 25); do post || fail "events are not taken"; done
  look "$worker" "$dir/worker.log"
  look "$server" "$dir/serve.log"
done

worker -1
all() { [ "$(counted events)" -ge "$sent" ]; }
until_true 30 all || fail "$(counted events) of $sent events took effect"
[ "$(counted events)" -eq "$sent" ] || fail "$(counted events) events took effect, $sent were sent"
[ "$(counted quarantined)" -eq 0 ] || fail "something was set aside"
kill -TERM "$worker"
wait "$worker" || fail "exit status of a worker with memory"
echo "$sent events, $ended processes ended of 24, $signalled of them by a signal"
