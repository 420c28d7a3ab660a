#!/usr/bin/env bash
# Rules that change on a running system: who brings version 1, what apply, diff, show and history say, what a file with
# mistakes does, applies at once, and that what is detected follows.
# usage: test_rules.sh PATH_TO_BEHAVIORLENS
set -euo pipefail
bl=$1
# shellcheck source=tests/support/processes.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/processes.sh"

port=$(free_port)
url=http://127.0.0.1:$port
redis=unix://$dir/redis.sock
# shellcheck disable=SC2119
start_redis
rules() { "$bl" rules "$@" --redis "$redis"; }
newest() { rules show --json | jq .version; }
# says TEXT COMMAND...: its output, on either stream, has the text
says() {
  local text=$1
  shift
  "$@" >"$dir/said" 2>&1 || true
  grep -F -e "$text" "$dir/said" >/dev/null || fail "$*: wanted \"$text\", got: $(cat "$dir/said")"
}
refused() { ! "$@" >/dev/null 2>&1 || fail "$* succeeded"; }

for low in 2 3 4 5; do printf 'rules:\n  hesitation: {low: %ss}\n' $low >"$dir/$low.yaml"; done

# Nobody has been there yet.
says 'no rules yet' rules show
says 'start a worker first' rules apply "$dir/2.yaml"
refused rules show
refused rules apply "$dir/2.yaml"
[ "$(cli DBSIZE)" = 0 ] || fail "a look has written: $(cli KEYS '*')"

# Four workers at once, each with a file of its own: one of them brings version 1, the others say that theirs is not it.
workers=()
for low in 2 3 4 5; do
  "$bl" worker --config "$dir/$low.yaml" --redis "$redis" --durability none 2>"$dir/worker$low.log" &
  workers+=($!)
done
pids+=("${workers[@]}")
until_true 10 rules show || fail "no version 1"
all_taken() { [ "$(cat "$dir"/worker?.log | grep -c 'partition taken')" -ge 8 ]; }
until_true 10 all_taken || fail "the workers do not take the partitions"
[ "$(rules history --json | jq -c 'map([.version, .source])')" = '[[1,"worker"]]' ] || fail "$(rules history)"
three_differ() { [ "$(grep -l 'rules of the data set are in effect' "$dir"/worker?.log | wc -l)" = 3 ]; }
until_true 10 three_differ || fail "who differs?"
low=$(rules show --json | jq '.settings.rules.hesitation.low / 1000')
says "version 1 is what" rules diff "$dir/$low.yaml"

"$bl" serve --redis "$redis" --durability none --port "$port" 2>"$dir/serve.log" &
pids+=($!)
until_true 10 curl -fsS "$url/ready" || fail "serve is not ready"
api() { curl -fsS "$url/api/rules" | jq -c "$1"; }
tag() { curl -fsSI "$url/api/rules" | tr -d '\r' | sed -n 's/^etag: //pI'; }
[ "$(api '[.version, (.partitions | length), .settings.rules.hesitation.enabled]')" = '[1,8,true]' ] || fail "$(api .)"
before=$(tag)
[ -n "$before" ] || fail "no ETag"

# A change: what it would do, that it is done, that it is in effect.
printf 'session-timeout: 20m\nport: 1\nrules:\n  hesitation: {low: 1s, weight: 7}\n  quick-back: off\n' >"$dir/one.yaml"
says "rules.hesitation.low: ${low}s -> 1s" rules diff "$dir/one.yaml"
[ "$(newest)" = 1 ] || fail "diff has changed something"
rules apply "$dir/one.yaml" >"$dir/applied" 2>"$dir/note"
for line in 'version 2' "rules.hesitation.low: ${low}s -> 1s" 'rules.hesitation.weight: 10 -> 7' \
  'rules.quick-back.enabled: yes -> no' 'session-timeout: 30m -> 20m' 'in effect in all 8 partitions'; do
  grep -F "$line" "$dir/applied" >/dev/null || fail "apply does not say \"$line\": $(cat "$dir/applied")"
done
grep 'not port$' "$dir/note" >/dev/null || fail "the note: $(cat "$dir/note")"
[ "$(api '[.version, ([.partitions[].version] | unique), .settings["session-timeout"]]')" = '[2,[2],1200000]' ] ||
  fail "$(api .)"
[ "$(tag)" != "$before" ] || fail "the ETag stays"
says 'version 2 says the same' rules apply "$dir/one.yaml"
[ "$(rules apply "$dir/one.yaml" --json 2>/dev/null | jq -c .)" = '{"version":2,"same":true,"changes":[],"in_effect":[0,1,2,3,4,5,6,7],"not_yet":[]}' ] ||
  fail "apply --json"
[ "$(rules history --json | jq length)" = 2 ] || fail "a version that changes nothing"

# What is detected follows.
curl -fsS "$url/events" -d '{"user_id":"u","action":"page_view","page":"/a"}' >/dev/null
hesitated() { curl -fsS "$url/api/patterns?user_id=u" | jq -e '.[0] | .detected_at - .evidence.since == 1000'; }
until_true 10 hesitated || fail "the new threshold does not hold: $(curl -fsS "$url/api/patterns?user_id=u")"
[ "$(curl -fsS "$url/api/users/u" | jq .friction)" = 7 ] || fail "friction: $(curl -fsS "$url/api/users/u")"

# What is shown is a file that says the same.
rules show >"$dir/shown.yaml"
says 'version 2 is what' rules diff "$dir/shown.yaml"

# Mistakes: all of them told, with line and field, and nothing changed.
printf 'rules:\n  hesitation: {lwo: 1s, low: 3h}\n  abandonment:\n    stages: []\n    timeout: soon\n  fury: on\n' >"$dir/bad.yaml"
refused rules apply "$dir/bad.yaml"
for text in 'bad.yaml:2: rules.hesitation.lwo: unknown name; did you mean low?' \
  'bad.yaml:2: rules.hesitation.low: must be a time from 1s to 1h' \
  'bad.yaml:5: rules.abandonment.timeout: must be a time' 'bad.yaml:6: rules.fury: unknown name' 'nothing was changed'; do
  says "$text" rules apply "$dir/bad.yaml"
done
printf 'rules:\n  hesitation: {low: 9s, medium: 8s}\n' >"$dir/bad.yaml"
says 'rules.hesitation.medium: must not be below the level before it' rules apply "$dir/bad.yaml"
refused rules apply "$dir/bad.yaml"
refused rules apply "$dir/nowhere.yaml"
# A file that cannot be read is a wrong call, as with every command.
for file in "$dir/bad.yaml" "$dir/nowhere.yaml"; do
  for action in apply diff; do
    status=0
    rules $action "$file" >"$dir/wrong.out" 2>"$dir/wrong.err" || status=$?
    [ $status -eq 2 ] || fail "rules $action $file: exit status $status"
    [ ! -s "$dir/wrong.out" ] || fail "rules $action $file prints something"
    if grep -v '^behaviorlens rules: ' "$dir/wrong.err" >/dev/null; then fail "rules $action $file: $(cat "$dir/wrong.err")"; fi
  done
done
refused rules apply
refused rules frobnicate
[ "$(newest)" = 2 ] || fail "a bad file has changed something"

# Many at once: a version each, one after the other, and the last one everywhere.
applies=()
for low in 2 3 4 5 2 3 4 5; do
  rules apply "$dir/$low.yaml" >>"$dir/applies.log" 2>&1 &
  applies+=($!)
done
for pid in "${applies[@]}"; do wait "$pid" || fail "apply: $(cat "$dir/applies.log")"; done
n=$(newest)
[[ $n -ge 6 && $n -le 10 ]] || fail "version $n after eight applies"
[ "$(rules history --json | jq -c '[.[].version]')" = "$(seq "$n" -1 1 | jq -cs .)" ] || fail "gaps in the history"
everywhere() { [ "$(api '[.partitions[].version] | unique')" = "[$n]" ]; }
until_true 10 everywhere || fail "version $n is not everywhere: $(api .partitions)"

# An export begins with what held before the first entry that is left.
# trimmed VERSION: partition 0 keeps what came after the command that brought it
trimmed() {
  local id
  id=$(cli HGET 'bl:{dev:0}:rules' "since:$1")
  cli XTRIM 'bl:{dev:0}:events' MINID "${id%-*}-$((${id#*-} + 1))" >/dev/null
  "$bl" inspect entries --redis "$redis" | jq -c 'select(.partition == 0 and .rules) | .rules.version'
}
[ "$("$bl" inspect entries --redis "$redis" | jq -c 'select(.partition == 0 and .rules) | .rules.version')" = 1 ] ||
  fail "the export does not begin with version 1"
[ "$(trimmed 2)" = 2 ] || fail "the export does not begin with version 2"
[ "$(trimmed $((n - 1)))" = $((n - 1)) ] || fail "the export does not begin with version $((n - 1))"

# Nobody works: it is said which partitions have it not yet, and they get it from the next worker.
for pid in "${workers[@]}"; do
  kill -TERM "$pid"
  wait "$pid" || fail "a worker did not stop cleanly"
done
says 'not in effect yet in partitions 0 1 2 3 4 5 6 7' rules apply "$dir/one.yaml"
[ "$(newest)" = $((n + 1)) ] || fail "version $(newest)"
says "# partition 3: version $n" rules show
start_worker() {
  "$bl" worker --config "$dir/$1.yaml" --redis "$redis" --durability none 2>>"$dir/worker$1.log" &
  worker=$!
  pids+=("$worker")
}
start_worker 2
n=$((n + 1))
until_true 10 everywhere || fail "the next worker does not take version $n"

# A worker that was told nothing about rules does not differ.
"$bl" worker --redis "$redis" --durability none 2>"$dir/silent.log" &
silent=$!
pids+=("$silent")
until_true 10 grep -c 'data set open' "$dir/silent.log" || fail "$(cat "$dir/silent.log")"
kill -TERM "$silent"
wait "$silent" || fail "a worker did not stop cleanly"
[ "$(grep -c 'rules of the data set are in effect' "$dir/silent.log")" = 0 ] || fail "$(cat "$dir/silent.log")"

# Somebody has deleted the history: a new version is still newer than what the partitions have.
cli DEL bl:dev:rules >/dev/null
kill -TERM "$worker"
wait "$worker" || fail "the worker did not stop cleanly"
start_worker 2
until_true 10 rules show || fail "no rules after the history was deleted"
rules apply "$dir/4.yaml" >/dev/null
n=$((n + 1))
[ "$(newest)" = "$n" ] || fail "version $(newest) instead of $n"
until_true 10 everywhere || fail "version $n is not everywhere"

# A Redis that stands still: no command waits for it for ever.
kill -STOP "$redis_pid"
for command in 'rules show' 'replay --from-redis'; do
  # shellcheck disable=SC2086
  says 'Redis does not answer' timeout 60 "$bl" $command --redis "$redis"
done
kill -CONT "$redis_pid"
echo "ok: $n versions"
