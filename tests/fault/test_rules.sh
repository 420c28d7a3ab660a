#!/usr/bin/env bash
# Whoever dies around a change of the rules: a version is in the history and in every partition's stream, once, or nowhere;
# and every partition gets to the newest.
# usage: test_rules.sh PATH_TO_BEHAVIORLENS
set -euo pipefail
bl=$1
# shellcheck source=tests/support/processes.sh
. "$(dirname "$0")/../support/processes.sh"

start_redis --appendonly yes --appendfsync always
redis=unix://$dir/redis.sock
rules() { "$bl" rules "$@" --redis "$redis"; }
for low in 1 2 3 4 5; do printf 'rules:\n  hesitation: {low: %ss}\n' $low >"$dir/$low.yaml"; done
worker() {
  "$bl" worker --config "$dir/$1.yaml" --redis "$redis" --durability always 2>>"$dir/worker.log" &
  worker=$!
  pids+=("$worker")
}
worker 1
until_true 10 rules show || fail "no version 1"

pause() { sleep "0.0$((RANDOM % 10))"; }
for i in {1..12}; do
  low=$((1 + (i + RANDOM % 2) % 5))
  "$bl" rules apply "$dir/$low.yaml" --redis "$redis" >>"$dir/apply.log" 2>&1 &
  apply=$!
  pids+=("$apply")
  pause
  case $((i % 3)) in
    0) kill -9 "$apply" 2>/dev/null || true ;;
    1) kill -9 "$worker" && worker $low ;;
    2)
      kill -9 "$redis_pid"
      wait "$redis_pid" 2>/dev/null || true
      # shellcheck disable=SC2119
      start_redis --appendonly yes --appendfsync always
      ;;
  esac
  wait "$apply" || true # a killed one, and one whose Redis was killed, may fail: it says so
done

rules apply "$dir/1.yaml" >>"$dir/apply.log" || true # if only the last one was interrupted
n=$(rules show --json | jq .version)
everywhere() { [ "$(rules show --json | jq -c '[.partitions[].version] | unique')" = "[$n]" ]; }
until_true 20 everywhere || fail "version $n is not everywhere: $(rules show --json | jq -c .partitions)"
[ "$(rules history --json | jq -c '[.[].version]')" = "$(seq "$n" -1 1 | jq -cs .)" ] || fail "gaps in the history"
export_entries() { "$bl" inspect entries --redis "$redis" >"$dir/entries"; }
until_true 20 export_entries || fail "inspect entries"
for p in {0..7}; do
  have=$(jq -c "select(.partition == $p and .command.command == \"rules\") | .command.version" "$dir/entries" | jq -cs .)
  [ "$have" = "$(seq 2 "$n" | jq -cs .)" ] || fail "the stream of partition $p has the versions $have, the history 1 to $n"
done
[ "$n" -gt 3 ] || fail "only $n versions: nothing was tried"
echo "ok: $n versions"
