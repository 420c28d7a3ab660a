#!/usr/bin/env bash
# The stream of a live run (ticks and commands included), exported and replayed in memory, gives the very patterns the
# live run gave (SPEC 3.5), whoever was killed meanwhile, and whatever rules were applied meanwhile: by two at once, while
# a worker dies, by workers that were started with other ones.
# usage: live_replay.sh PATH_TO_BEHAVIORLENS
set -euo pipefail
bl=$1
# shellcheck source=tests/support/processes.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/processes.sh"

port=$(free_port)
url=http://127.0.0.1:$port
redis=unix://$dir/redis.sock
start_redis

cat >"$dir/fast.yaml" <<'Y'
rules:
  hesitation: {low: 1s, medium: 2s, high: 3s, cooldown: 4s}
  abandonment: {timeout: 3s}
  navigation-loop: {quiet: 4s}
session-timeout: 6s
Y
cat >"$dir/other.yaml" <<'Y'
rules:
  hesitation: {low: 2s, medium: 3s, high: 4s, cooldown: 1s, weight: 50}
  abandonment: {timeout: 2s, stages: [{page: /cart, depth: 2}, {page: /checkout, depth: 3}]}
  navigation-loop: {revisit-low: 2, quiet: 3s}
  quick-back: off
session-timeout: 9s
Y
printf 'rules:\n  hesitation: off\n  abandonment: {timeout: 4s}\nsession-timeout: 5s\n' >"$dir/third.yaml"
rules() { "$bl" rules "$@" --redis "$redis"; }
worker() {
  "$bl" worker --config "$dir/${1:-fast}.yaml" --redis "$redis" --durability none 2>>"$dir/worker.log" &
  worker=$!
  pids+=("$worker")
}
worker
"$bl" serve --redis "$redis" --durability none --port "$port" 2>"$dir/serve.log" &
pids+=($!)
until_true 10 curl -fsS "$url/ready" || fail "serve is not ready: $(curl -sS "$url/ready" || true)"

"$bl" simulate --url "$url" --users 40 --rate 40 --speed 20 --seed 7 --duration 12s >"$dir/simulate.log" 2>&1 &
simulate=$!
pids+=("$simulate")
# Each worker dies around a change, before, in the middle or after it, and its successor has a file of its own.
for next in other fast third other fast; do
  sleep 1
  rules apply "$dir/$next.yaml" >>"$dir/rules.log" &
  applies=($!)
  rules apply "$dir/third.yaml" >>"$dir/rules.log" &
  applies+=($!)
  kill -9 "$worker"
  worker "$next"
  wait "${applies[@]}" || fail "rules apply: $(cat "$dir/rules.log")"
done
rules apply "$dir/fast.yaml" >>"$dir/rules.log"
newest=$(rules show --json | jq .version)
[ "$newest" -ge 6 ] || fail "too few versions: $newest"
[ "$(rules history --json | jq -c '[.[].version]')" = "$(seq "$newest" -1 1 | jq -cs .)" ] || fail "the history has gaps"
id=$(curl -fsS "$url/api/patterns?resolved=false&limit=1" | jq -r '.[0].pattern_id // empty')
[ -z "$id" ] || curl -fsS -X PATCH "$url/api/patterns/$id/resolve" >/dev/null || fail "resolve"
wait "$simulate" || fail "simulate"
explained=$(curl -fsS "$url/api/patterns?limit=1" | jq -r '.[0] | "\(.pattern_id) \(.user_id)"')
for p in {0..7}; do # whichever partition it is in: the others do not know it
  redis-cli -s "$dir/redis.sock" XADD "bl:{dev:$p}:events" '*' command "{\"command\":\"explain\",\"pattern_id\":\"${explained% *}\",\"user_id\":\"${explained#* }\",\"text\":\"Because.\"}" >/dev/null
done

# A resolve that comes, while nobody works, after a deadline that has resolved the pattern by then: the deadline wins.
curl -fsS "$url/events" -d '{"user_id":"waits","action":"page_view","page":"/quiet"}' >/dev/null
waiting() { id=$(curl -fsS "$url/api/patterns?user_id=waits" | jq -er '.[0].pattern_id'); }
until_true 10 waiting || fail "no hesitation"
waiting
kill -9 "$worker"
sleep 7 # the session's 6 s and the grace, on the store's clock
curl -fsS -X PATCH "$url/api/patterns/$id/resolve" >/dev/null || fail "resolve without a worker"
worker

idle() { [ "$(curl -fsS "$url/api/partitions" | jq '[.[].lag] | add')" = 0 ]; }
stop_worker() {
  until_true 20 idle || fail "the workers do not catch up"
  kill -TERM "$worker"
  wait "$worker" || fail "the worker did not stop cleanly"
}
for _ in {1..20}; do
  stop_worker
  if idle; then break; fi # else a tick came last of all, and stands in the stream without its effects
  worker
done
idle || fail "never at rest"

export_entries() { "$bl" inspect entries --redis "$redis" >"$dir/entries"; }
until_true 10 export_entries || fail "inspect entries"
"$bl" replay --entries "$dir/entries" | jq -cS . | sort >"$dir/replayed"
next="$url/api/patterns?limit=500"
: >"$dir/pages"
while [ -n "$next" ]; do
  curl -fsS -D "$dir/headers" "$next" | jq -cS '.[]' >>"$dir/pages"
  next=$(sed -n 's/^[Ll]ink: <\([^>]*\)>; rel="\{0,1\}next.*/\1/p' "$dir/headers" | tr -d '\r')
  case $next in /*) next=$url$next ;; esac
done
sort "$dir/pages" >"$dir/live"

[ "$(wc -l <"$dir/live")" -gt 20 ] || fail "too few patterns: $(wc -l <"$dir/live")"
grep '"tick":true' "$dir/entries" >/dev/null || fail "no tick in the stream"
grep '"ai_explanation":"Because."' "$dir/live" >/dev/null || fail "nothing is explained"
[ "$(grep -c '"rules":{"command":"rules","version":1,' "$dir/entries")" = 8 ] || fail "the export lacks the first rules"
for p in {0..7}; do
  [ "$(redis-cli -s "$dir/redis.sock" HGET "bl:{dev:$p}:rules" version)" = "$newest" ] || fail "partition $p has other rules"
done
cmp "$dir/live" "$dir/replayed" || {
  diff "$dir/live" "$dir/replayed" | cut -c1-600 | sed -n 1,6p >&2 || true
  fail "the replay differs from the live run"
}
echo "ok: $(wc -l <"$dir/live") patterns from $(wc -l <"$dir/entries") entries, live and replayed"
