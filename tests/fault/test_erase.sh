#!/usr/bin/env bash
# Whoever dies around an erasure - the worker, the process that was asked, Redis - the user is gone or was never touched,
# and asked again it is gone; others lose nothing; the stream, replayed, gives the very patterns that are left.
# usage: test_erase.sh PATH_TO_BEHAVIORLENS
set -euo pipefail
bl=$1
# shellcheck source=tests/support/processes.sh
. "$(dirname "$0")/../support/processes.sh"

redis() { start_redis --appendonly yes --appendfsync always; }
redis
url=unix://$dir/redis.sock
port=$(free_port)
http=http://127.0.0.1:$port
serve() {
  "$bl" serve --redis "$url" --durability always --port "$port" 2>>"$dir/serve.log" &
  serve=$!
  pids+=("$serve")
}
workers=()
worker() { # worker I
  "$bl" worker --redis "$url" --durability always 2>>"$dir/worker.log" &
  workers[$1]=$!
  pids+=("$!")
}
serve
for i in 0 1 2; do worker $i; done
until_true 20 curl -fsS "$http/ready" || fail "not ready"

# Everybody comes back to a page again and again: patterns all the time.
users=24
traffic() {
  local n=0
  while :; do
    n=$((n + 1))
    awk -v n=$n -v users=$users 'BEGIN { for (u = 0; u < users; u++) for (k = 0; k < 3; k++)
      printf "{\"user_id\":\"user-%d.\",\"action\":\"page_view\",\"page\":\"/p%d\",\"event_id\":\"%d-%d-%d\"}\n", u, n % 7, n, u, k }' |
      curl -sS -m 5 "$http/events/batch" -H 'Content-Type: application/x-ndjson' --data-binary @- >/dev/null 2>&1 || true
  done
}
traffic &
traffic=$!
pids+=("$traffic")

erase() { [ "$(curl -sS -m 5 -o "$dir/answer" -w '%{http_code}' -X DELETE "$http/api/users/user-$1.")" = 200 ]; }
for u in {0..11}; do
  until_true 10 bash -c "curl -fsS '$http/api/patterns?user_id=user-$u.' | jq -e 'length > 0'" || fail "user-$u has no pattern"
  erase "$u" 2>/dev/null &
  asked=$!
  sleep "0.0$((RANDOM % 10))"
  case $((u % 3)) in
    0)
      i=$((RANDOM % 3))
      kill -9 "${workers[i]}"
      wait "${workers[i]}" 2>/dev/null || true
      worker $i
      ;;
    1)
      kill -9 "$serve"
      wait "$serve" 2>/dev/null || true
      serve
      ;;
    2)
      kill -9 "$redis_pid"
      wait "$redis_pid" 2>/dev/null || true
      redis
      ;;
  esac
  wait "$asked" || true # whoever has no answer asks again
  until_true 30 erase "$u" || fail "user-$u is not erased: $(cat "$dir/answer")"
done
kill "$traffic"
wait "$traffic" 2>/dev/null || true

idle() { [ "$(curl -fsS "$http/api/partitions" | jq '[.[].lag] | add')" = 0 ]; }
until_true 30 idle || fail "the workers do not catch up"
finished() { [ "$(for p in {0..7}; do cli ZCARD "bl:{dev:$p}:erasures"; done | awk '{ n += $1 } END { print n }')" = 0 ]; }
until_true 60 finished || fail "erasures are not finished"
until_true 30 idle || fail "the workers do not catch up"
for u in {0..11}; do
  [ "$(curl -fsS "$http/api/users/user-$u./erasure" | jq .erased)" = true ] || fail "user-$u has no tombstone"
done
# Nobody works any more, and nothing is left to be done.
for _ in {1..20}; do
  for w in "${workers[@]}"; do kill -TERM "$w"; done
  for w in "${workers[@]}"; do wait "$w" || fail "a worker did not stop cleanly"; done
  if idle; then break; fi # else a tick came last of all, and stands in the stream without its effects
  for i in 0 1 2; do worker $i; done
  until_true 30 idle || fail "the workers do not catch up"
done
idle || fail "never at rest"
cli --scan --pattern 'bl:*user-*' >"$dir/keys"
for u in {0..11}; do ! grep -F "user-$u." "$dir/keys" || fail "keys of user-$u are left"; done
for u in {12..23}; do grep -F "user-$u." "$dir/keys" >/dev/null || fail "user-$u is gone too"; done
for p in {0..7}; do
  open=$(cli ZCARD "bl:{dev:$p}:patterns:open")
  counted=$(cli HGET "bl:{dev:$p}:counters" open)
  [ "${counted:-0}" = "$open" ] || fail "partition $p: $open open patterns are not what is counted"
  cli LRANGE "bl:{dev:$p}:recent" 0 -1
  cli ZRANGE "bl:{dev:$p}:deadlines" 0 -1
  cli ZRANGE "bl:{dev:$p}:active" 0 -1
  cli XRANGE "bl:{dev:$p}:changes" - +
done >"$dir/left"
for u in {0..11}; do ! grep -F "user-$u." "$dir/left" || fail "user-$u is left somewhere"; done

# The stream tells it all: what is left is what a replay gives.
export_entries() { "$bl" inspect entries --redis "$url" >"$dir/entries"; }
until_true 20 export_entries || fail "inspect entries"
"$bl" replay --entries "$dir/entries" | jq -r .pattern_id | sort >"$dir/replayed"
for p in {0..7}; do cli ZRANGE "bl:{dev:$p}:patterns" 0 -1; done | grep . | sort >"$dir/live"
[ "$(wc -l <"$dir/live")" -gt 20 ] || fail "too few patterns"
cmp "$dir/live" "$dir/replayed" || fail "the replay differs: $(diff "$dir/live" "$dir/replayed" | sed -n 1,5p)"
grep -c '"command":{"command":"erase"' "$dir/entries" >"$dir/erases" || fail "no erase in the stream"
echo "ok: $(cat "$dir/erases") commands for 12 users, $(wc -l <"$dir/live") patterns left"
