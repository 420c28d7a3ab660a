#!/usr/bin/env bash
# `up` applies its file's rules when they have changed since its last start, and else leaves what was applied meanwhile.
# usage: test_up_rules.sh PATH_TO_BEHAVIORLENS
set -euo pipefail
bl=$1
# shellcheck source=tests/support/e2e.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

rules() { "$bl" rules "$@" --data "$work/data"; }
newest() { rules history --json | jq -c '.[0] | [.version, .source, .changes]'; }
running() { grep 'BehaviorLens is running' "$work/up.out"; }

# start ARGS...: up, until it runs
start() {
    rm -f "$work/up.out"
    "$bl" up --data "$work/data" --port 0 "$@" > "$work/up.out" 2> "$work/up.err" &
    up=$!
    started+=("$up")
    eventually 20 running
}
stop() {
    kill -TERM "$up"
    wait "$up" || fail "up did not stop cleanly"
}

printf 'rules:\n  hesitation: {low: 5s}\n' > "$work/file.yaml"
printf 'rules:\n  hesitation: {low: 7s}\n' > "$work/other.yaml"

start --config "$work/file.yaml"
[ "$(newest)" = "[1,\"up file.yaml\",null]" ] || fail "the first start: $(newest)"
"$bl" inspect lag --data "$work/data" > "$work/lag" || fail "inspect --data"
[ "$(wc -l < "$work/lag")" = 9 ] || fail "inspect lag: $(cat "$work/lag")"
(cd "$work" && "$bl" inspect lag --data data) > "$work/lag" || fail "inspect --data with a relative path"
"$bl" inspect keys --data "$work/data" > "$work/keys"
grep "redis-cli -s '$work/data/redis.sock' HGETALL 'bl:dev:meta'" "$work/keys" > /dev/null || fail "inspect keys: no socket"
"$bl" inspect lag --data "$work" 2> "$work/wrong.err" && fail "inspect of a directory without an up"
grep 'runs on the directory of --data' "$work/wrong.err" > /dev/null || fail "$(cat "$work/wrong.err")"
stop

start --config "$work/file.yaml"
[ "$(rules history --json | jq length)" = 1 ] || fail "a second start with the same file: $(newest)"
rules apply "$work/other.yaml" | grep 'in effect in all 8 partitions' > /dev/null || fail "apply"
stop

# The same file as at the last start: what was applied meanwhile stays, and is told.
start --config "$work/file.yaml"
[ "$(rules history --json | jq length)" = 2 ] || fail "a restart has undone a change: $(rules history --json)"
grep 'Rules version 2 of the data set are in effect, not those of' "$work/up.out" > /dev/null || fail "not told"
stop

# Another file: it holds.
printf 'rules:\n  hesitation: {low: 6s}\n' > "$work/file.yaml"
start --config "$work/file.yaml"
[ "$(newest)" = "[3,\"up file.yaml\",[{\"setting\":\"rules.hesitation.low\",\"old\":7000,\"new\":6000}]]" ] ||
    fail "a changed file: $(newest)"
grep 'rules.hesitation.low: 7s -> 6s' "$work/up.out" > /dev/null || fail "the change is not told"
grep 'rules of the data set are in effect' "$work/up.err" && fail "its own workers differ"
stop
echo "ok"
