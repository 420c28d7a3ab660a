#!/usr/bin/env bash
# `replay` as a tool for tuning: its inputs (file, gzip, standard input, a live data set), what it says of bad ones, and
# the report of --compare as a table and as JSON. Usage: test_replay.sh PROGRAM
set -euo pipefail
bl=$1
# shellcheck source=tests/support/processes.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/processes.sh"
export XDG_STATE_HOME=$dir/state # nobody's `up` but our own is found

# at SECONDS USER ACTION PAGE [MORE]: one recorded event
at() {
  printf '{"user_id":"%s","action":"%s","page":"%s","timestamp":%d%s}\n' "$2" "$3" "$4" $((1700000000000 + $1 * 1000)) "${5:-}"
}
same() { cmp "$1" "$2" || fail "$3"; }
# says FILE WORDS: the file holds the words
says() { grep -F -e "$2" "$1" >/dev/null || fail "wanted \"$2\" in: $(cat "$1")"; }

# ---- inputs ----

{
  at 0 ann page_view /cart
  at 2 bob page_view /help
  at 20 bob click /help
  at 90 ann click /cart
} >"$dir/events"
"$bl" replay "$dir/events" >"$dir/patterns"
[ "$(jq -r .type "$dir/patterns" | sort | uniq -c | tr -s ' ' | paste -sd,)" = " 1 abandonment, 3 hesitation" ] || fail "$(jq -c '[.type,.user_id,.detected_at]' "$dir/patterns")"
"$bl" replay - <"$dir/events" | cmp - "$dir/patterns" || fail "standard input differs"
gzip -kn "$dir/events"
"$bl" replay "$dir/events.gz" | cmp - "$dir/patterns" || fail "gzip differs"
"$bl" replay - <"$dir/events.gz" | cmp - "$dir/patterns" || fail "gzip from standard input differs"
cat "$dir/events.gz" "$dir/events.gz" >"$dir/twice.gz"
[ "$("$bl" replay "$dir/twice.gz" 2>&1 >/dev/null | grep -c 'line [5678]: invalid_timestamp')" = 3 ] || fail "two gzip members are one file: $("$bl" replay "$dir/twice.gz" 2>&1 >/dev/null)"
# What follows the gzip data is told and passed over, zeros are padding.
{ cat "$dir/events.gz"; echo 'not gzip'; } >"$dir/more.gz"
{ cat "$dir/events.gz"; head -c 300000 /dev/zero; } >"$dir/padded.gz"
{ cat "$dir/padded.gz"; echo 'not gzip'; } >"$dir/late.gz"
for name in more late padded; do
  "$bl" replay "$dir/$name.gz" 2>"$dir/err" | cmp - "$dir/patterns" || fail "$name.gz differs"
  cp "$dir/err" "$dir/$name.err"
done
says "$dir/more.err" "behaviorlens replay: what follows the gzip data in $dir/more.gz is no gzip data: it was ignored"
says "$dir/late.err" 'it was ignored'
[ ! -s "$dir/padded.err" ] || fail "padding is no garbage: $(cat "$dir/padded.err")"
for size in 1 2 3 10; do
  head -c $size "$dir/events.gz" >"$dir/stub"
  "$bl" replay "$dir/stub" >"$dir/out" 2>"$dir/err" || [ $size -gt 1 ] || fail "one byte is a line"
  [ -s "$dir/err" ] || fail "$size bytes of gzip data say nothing"
done

: >"$dir/empty"
for input in "$dir/empty" -; do
  "$bl" replay "$input" <"$dir/empty" >"$dir/out" 2>"$dir/err" || fail "empty input is no error"
  [ ! -s "$dir/out" ] && [ ! -s "$dir/err" ] || fail "empty input says something: $(cat "$dir/out" "$dir/err")"
done
"$bl" replay --compare "$dir/empty" "$dir/empty" >"$dir/out" || fail "empty input and --compare"
says "$dir/out" 'input   0 events'
"$bl" replay --json --compare "$dir/empty" "$dir/empty" | jq -e '.input.events == 0 and .all.before == 0 and .types == []' >/dev/null || fail "empty input as JSON"

# broken INPUT WORDS: exits 1, prints nothing, says why
broken() {
  local status=0
  "$bl" replay "$1" >"$dir/out" 2>"$dir/err" || status=$?
  [ $status -eq 1 ] || fail "$1: exit status $status"
  [ ! -s "$dir/out" ] || fail "$1: a run that failed printed something"
  says "$dir/err" "$2"
}
events 2000 50 3 | gzip -n >"$dir/whole.gz"
head -c 9000 "$dir/whole.gz" >"$dir/cut.gz"
broken "$dir/cut.gz" 'in the middle of its gzip data'
{ head -c 5000 "$dir/whole.gz"; printf 'XXXXXXXX'; tail -c +5009 "$dir/whole.gz"; } >"$dir/damaged.gz"
broken "$dir/damaged.gz" 'damaged gzip data'
broken "$dir/nowhere" 'No such file'
broken "$dir" 'Is a directory'

# Bad lines are told with their number and skipped, empty ones skipped.
{
  at 0 ann page_view /cart
  echo 'no json'
  echo
  at 5 ann frobnicate /cart
  echo '{"user_id":"ann","action":"click","page":"/cart"}'
  at 20 bob page_view /help
  at 10 bob click /help
  at 90 ann click /cart
} >"$dir/mixed"
"$bl" replay "$dir/mixed" >"$dir/out" 2>"$dir/err" || fail "bad lines are no failure"
[ "$(sed 's/^\(line [0-9]*: [a-z_]*\).*/\1/' "$dir/err" | paste -sd,)" = 'line 2: invalid_json,line 4: unknown_action,line 5: missing_field,line 7: invalid_timestamp' ] || fail "$(cat "$dir/err")"
[ "$(jq -r .user_id "$dir/out" | sort -u | paste -sd,)" = ann,bob ] || fail "the good lines count"

# wrong WORDS ARGS...: called wrongly
wrong() {
  local words=$1 status=0
  shift
  "$bl" replay "$@" >"$dir/out" 2>"$dir/err" || status=$?
  [ $status -eq 2 ] || fail "$*: exit status $status"
  says "$dir/err" "$words"
}
wrong 'name one file'
wrong 'name one file' "$dir/events" "$dir/events"
wrong 'leave out its name' --from-redis "$dir/events"
wrong '--since is for --from-redis' --since 1h "$dir/events"
wrong 'leave out --entries' --from-redis --entries

# ---- what would have been different ----

# ann pauses 12 s on /a, 9 s on /b; bob lets a cart lie for 80 s; cay looks at /p three times.
{
  at 0 ann page_view /a
  at 1 bob page_view /cart
  at 12 ann page_view /b
  at 21 ann click /b
  at 22 cay page_view /p
  at 28 cay page_view /q
  at 28 ann session_end /b
  at 34 cay page_view /p
  at 40 cay page_view /q
  at 46 cay page_view /p
  at 47 cay session_end /p
  at 81 bob purchase /cart
  at 82 bob session_end /cart
} >"$dir/story"

# compared YAML FILTER WORDS: what --json says, as one line of jq
compared() {
  printf '%s\n' "$1" >"$dir/other.yaml"
  "$bl" replay --json --compare "$dir/other.yaml" "$dir/story" >"$dir/json" || fail "--compare with: $1"
  local got
  got=$(jq -cr "$2" "$dir/json")
  [ "$got" = "$3" ] || fail "with $1
  wanted $3
  got    $got"
}
all='.all | "\(.before) \(.after) gone \(.gone) new \(.new) moved \(.moved) severity \(.severity) other \(.other)"'
compared '{}' "$all" '4 4 gone 0 new 0 moved 0 severity 0 other 0'
compared '{}' '[.settings, .gone, .new, .changed, .friction.changed] | add' '[]'
compared 'rules: {hesitation: {low: 8s}}' "$all" '4 5 gone 0 new 1 moved 2 severity 0 other 0'
compared 'rules: {hesitation: {low: 8s}}' '.settings' '[{"name":"rules.hesitation.low","before":"10s","after":"8s"}]'
compared 'rules: {hesitation: {low: 8s}}' '.new[] | "\(.type) \(.user_id) \(.page) \(.detected_at)"' 'hesitation ann /b 1700000020000'
compared 'rules: {hesitation: {low: 14s}}' "$all" '4 3 gone 1 new 0 moved 1 severity 0 other 0'
compared 'rules: {hesitation: {enabled: no}}' '.gone | map(.type) | unique' '["hesitation"]'
compared 'rules: {abandonment: {timeout: 90s}}' '.gone[] | "\(.type) \(.user_id) \(.page)"' 'abandonment bob /cart'
compared 'rules: {abandonment: {timeout: 70s}}' '.changed[] | "\(.how | join(",")) \(.before.detected_at) \(.after.detected_at)"' 'moved 1700000061000 1700000071000'
compared 'rules: {navigation-loop: {revisit-high: 3}}' '.changed[] | "\(.how | join(",")) \(.before.severity) \(.after.severity)"' 'severity medium high'
compared 'rules: {navigation-loop: {revisit-window: 60s}}' '.changed[] | "\(.how | join(","))"' 'explanation'
compared 'rules: {hesitation: {weight: 0}}' "$all" '4 4 gone 0 new 0 moved 0 severity 0 other 0'
compared 'rules: {hesitation: {weight: 0}}' '[.friction.changed[].user_id] | sort' '["ann","bob"]'
compared 'session-timeout: 5s' '.settings[].name' 'session-timeout'
compared 'rules: {hesitation: {low: 8s}}' '.types[0], .pages[0].page' '{"type":"hesitation","before":2,"after":3,"gone":0,"new":1,"moved":2,"severity":0,"other":0}
/cart'

# The rule sets have sides: exchanged, what was gone is new.
echo 'rules: {abandonment: {timeout: 90s}}' >"$dir/one.yaml"
echo 'rules: {hesitation: {low: 8s}}' >"$dir/two.yaml"
"$bl" replay --json --config "$dir/one.yaml" --compare "$dir/two.yaml" "$dir/story" >"$dir/there"
"$bl" replay --json --config "$dir/two.yaml" --compare "$dir/one.yaml" "$dir/story" >"$dir/back"
[ "$(jq -c '[.gone, .new, .all.before, .all.after, (.settings | map([.name, .before, .after]))]' "$dir/there")" = \
  "$(jq -c '[.new, .gone, .all.after, .all.before, (.settings | map([.name, .after, .before]))]' "$dir/back")" ] || fail "the two sides"
jq -e '(.gone | length) == 0 and (.new | length) == 2 and (.settings | length) == 2' "$dir/there" >/dev/null || fail "$(jq -c . "$dir/there")"
# What is printed for a rule set alone is what it is compared with.
"$bl" replay --config "$dir/one.yaml" "$dir/story" | jq -cS . | sort >"$dir/alone"
jq -cS '.changed[].before' "$dir/there" | sort >"$dir/changed"
[ -s "$dir/changed" ] && [ -z "$(comm -13 "$dir/alone" "$dir/changed")" ] || fail "a changed pattern is not the one that is printed"

# The table: 100 columns, bounded lists, the settings first.
events 20000 200 11 >"$dir/many"
for limit in 3 10 0; do
  "$bl" replay --limit $limit --compare "$dir/two.yaml" "$dir/many" >"$dir/table"
  LC_ALL=C.UTF-8 awk '{ n = gsub(/[^\x80-\xBF]/, "&"); if (n > 100) exit 1 }' "$dir/table" || fail "a line is longer than 100 columns"
  sed -n '/^Settings/{n;p;q}' "$dir/table" | grep -F 'rules.hesitation.low' | grep -F '10s -> 8s' >/dev/null || fail "the settings that differ: $(cat "$dir/table")"
done
grep ' more$' "$dir/table" && fail "--limit 0 leaves something out"
"$bl" replay --limit 3 --compare "$dir/two.yaml" "$dir/many" >"$dir/table"
n=$(sed -n 's/^New (only after): //p' "$dir/table")
says "$dir/table" "  and $((n - 3)) more"
[ "$(sed -n '/^New /,/^$/p' "$dir/table" | grep -c '^  2023')" = 3 ] || fail "three lines: $(cat "$dir/table")"
"$bl" replay --limit 3 --compare "$dir/two.yaml" "$dir/many" | cmp - "$dir/table" || fail "the report is not the same twice"

# Nothing that users send reaches the terminal as a command.
{
  at 0 ann page_view /a ',"metadata":{"target":"\u001b[2J"}'
  at 1 $'\xe2\x80\xae''txt.' page_view /b
  at 60 ann click /a
} >"$dir/nasty"
"$bl" replay --compare "$dir/two.yaml" "$dir/nasty" >"$dir/table"
if LC_ALL=C grep -P '[\x00-\x08\x0b-\x1f\x7f]|\xe2\x80\xae' "$dir/table"; then fail "a control character in the table"; fi

# ---- wrong calls ----

# refused WORDS ARGS...: exits 2, prints nothing, says so behind the command's name
refused() {
  local words=$1 status=0
  shift
  "$bl" replay "$@" >"$dir/out" 2>"$dir/err" || status=$?
  [ $status -eq 2 ] || fail "$*: exit status $status: $(cat "$dir/err")"
  [ ! -s "$dir/out" ] || fail "$*: something was printed"
  says "$dir/err" "$words"
  if grep -v '^behaviorlens replay: ' "$dir/err" >/dev/null; then fail "$*: not behind the command's name: $(cat "$dir/err")"; fi
}
printf 'rules:\n  hesitation: {low: 1}\nprot: 1\n' >"$dir/bad.yaml"
refused "$dir/bad.yaml:3: prot: " --config "$dir/bad.yaml" "$dir/events"
cp "$dir/err" "$dir/config.err"
refused "$dir/bad.yaml:3: prot: " --compare "$dir/bad.yaml" "$dir/events"
same "$dir/config.err" "$dir/err" "--config and --compare complain differently"
refused 'No such file' --compare "$dir/none.yaml" "$dir/events"
refused '--compare runs in memory' --compare "$dir/two.yaml" --redis private "$dir/events"
refused '--json is for --compare' --json "$dir/events"
refused '--limit is for --compare' --limit 3 "$dir/events"
refused '--workers is for --redis' --workers 2 "$dir/events"
refused '--workers is for --redis' --workers 2 --compare "$dir/two.yaml" "$dir/events"
refused '--workers is for --redis' --workers 2 --from-redis --redis redis://127.0.0.1:1
refused 'leave out --partitions' --partitions 2 --from-redis --redis redis://127.0.0.1:1
refused '--durability is for --redis' --durability none "$dir/events"
refused '--data is for --from-redis' --data "$dir" "$dir/events"
refused '--entries runs in memory' --entries --redis private "$dir/events"
# What is set for other commands, or switched off, is no mistake.
BL_WORKERS=3 BL_REDIS=redis://127.0.0.1:1 BL_DATA=$dir "$bl" replay --no-json --no-entries "$dir/events" | cmp - "$dir/patterns" || fail "settings for other commands"

# ---- a live data set ----

# Recorded changes of the rules are followed, unless a rule set is named.
entry() { printf '{"received":%d,"partition":0,%s}\n' $((1700000000000 + $1)) "$2"; }
{
  entry 0 '"command":{"command":"rules","version":2,"settings":{"rules":{"hesitation":{"low":3000}}}}'
  entry 10 '"event":{"user_id":"ann","action":"page_view","page":"/a","event_id":"1"}'
  entry 6000 '"tick":true'
} >"$dir/entries"
[ "$("$bl" replay --entries "$dir/entries" | jq -r .type)" = hesitation ] || fail "the recorded rules are followed"
echo '{}' >"$dir/defaults.yaml"
[ -z "$("$bl" replay --config "$dir/defaults.yaml" --entries "$dir/entries" 2>"$dir/err")" ] || fail "the rule set under test stands"
says "$dir/err" '1 recorded change of the rules was not followed'
"$bl" replay --json --compare "$dir/defaults.yaml" --entries "$dir/entries" | jq -e '(.gone | length) == 1 and .new == []' >/dev/null || fail "what was recorded against a rule set"

echo 'rules: {hesitation: {low: 3s}}' >"$dir/up.yaml"
"$bl" up --config "$dir/up.yaml" --data "$dir/data" --port 0 >"$dir/up.out" 2>"$dir/up.log" &
up=$!
pids+=("$up")
until_true 30 grep 'Ctrl-C stops it' "$dir/up.out" || fail "up does not start"
url=$(awk '/ POST / { sub("/events$", "", $3); print $3 }' "$dir/up.out")
post() { curl -fsS -m 20 "$url/events$2" -d "$1" >/dev/null || fail "post"; }
# At once, and before the other: nobody hesitates but who should, and --since finds the time between.
post '[{"user_id":"buyer","action":"page_view","page":"/cart"},{"user_id":"buyer","action":"abandon","page":"/cart"},
  {"user_id":"buyer","action":"page_exit","page":"/cart"}]' /batch
post '{"user_id":"live","action":"page_view","page":"/quiet"}' ''
paused() { curl -fsS "$url/api/patterns?user_id=live" | jq -e 'length == 1' >/dev/null; }
until_true 30 paused || fail "no hesitation"
post '{"user_id":"live","action":"session_end","page":"/quiet"}' ''
settled() { [ "$(curl -fsS "$url/api/partitions" | jq '[.[].lag] | add')" = 0 ]; }
until_true 10 settled || fail "the worker lags"

"$bl" replay --from-redis --data "$dir/data" 2>"$dir/err" | jq -cS . | sort >"$dir/replayed"
curl -fsS "$url/api/patterns" | jq -cS '.[]' | sort >"$dir/live"
[ "$(wc -l <"$dir/replayed")" = 2 ] || fail "two patterns: $(cat "$dir/replayed" "$dir/err")"
same "$dir/live" "$dir/replayed" "what was replayed from the streams differs from what was detected"
[ ! -s "$dir/err" ] || fail "nothing is missing: $(cat "$dir/err")"
"$bl" replay --from-redis --redis "unix://admin:$(cat "$dir/data/redis.admin")@$dir/data/redis.sock" | jq -cS . | sort | cmp - "$dir/live" || fail "--redis"
XDG_STATE_HOME=$dir/none "$bl" replay --from-redis --data "$dir/none" 2>"$dir/err" && fail "no such up"
says "$dir/err" 'no `up` runs'

# The time of --since, as an ago and as a moment; what came before is still known to the rules.
detected=$(jq -s 'map(select(.user_id == "live"))[0].detected_at' "$dir/live")
since=$(date -u -d "@$((detected / 1000))" +%Y-%m-%dT%H:%M:%SZ)
[ "$("$bl" replay --from-redis --data "$dir/data" --since "$since" | jq -r .user_id)" = live ] || fail "--since $since"
[ "$("$bl" replay --from-redis --data "$dir/data" --since 1h | wc -l)" = 2 ] || fail "--since 1h"

# What yesterday would have looked like.
echo 'rules: {hesitation: {low: 1s}}' >"$dir/quick.yaml"
"$bl" replay --from-redis --data "$dir/data" --since 1h --json --compare "$dir/quick.yaml" >"$dir/json"
jq -e '.changed[0] | .how == ["moved"] and .before.detected_at - .after.detected_at == 2000' "$dir/json" >/dev/null || fail "--from-redis --compare: $(jq -c . "$dir/json")"
jq -e '.before == "the rules of the data set, version 1" and .settings == [{name: "rules.hesitation.low", before: "3s", after: "1s"}]' "$dir/json" >/dev/null || fail "the data set's own rules: $(jq -c '[.before, .settings]' "$dir/json")"
echo '{}' >"$dir/defaults.yaml"
[ "$("$bl" replay --from-redis --data "$dir/data" --config "$dir/defaults.yaml" | jq -r .type)" = abandonment ] || fail "--from-redis --config"

# What was trimmed is said.
for p in 0 1 2 3 4 5 6 7; do REDISCLI_AUTH=$(cat "$dir/data/redis.operator") redis-cli --user operator -s "$dir/data/redis.sock" xtrim "bl:{dev:$p}:events" maxlen 0 >/dev/null; done
"$bl" replay --from-redis --data "$dir/data" >"$dir/out" 2>"$dir/err" || fail "trimmed streams are no failure"
says "$dir/err" 'earlier entries were trimmed'
kill -INT "$up"
wait "$up" || fail "up does not stop cleanly"
"$bl" replay --from-redis --data "$dir/data" 2>"$dir/err" && fail "up is gone"
echo "ok: replay from a file, gzip, standard input and a live data set; two rule sets compared"
