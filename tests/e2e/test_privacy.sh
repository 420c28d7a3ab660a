#!/usr/bin/env bash
# What the product must not keep, looked for in every key of Redis and every line of the logs; Global Privacy Control; the
# audit trail of a running system. Usage: test_privacy.sh PROGRAM
set -euo pipefail
bl=$1
# shellcheck source=tests/support/processes.sh
source "$(dirname "$0")/../support/processes.sh"
port=$(free_port)
url=http://127.0.0.1:$port
redis=unix://$dir/redis.sock

# start_serve OPTION...
start_serve() {
  "$bl" serve --redis "$redis" --env test --durability none --port "$port" --log-level debug "$@" 2>>"$dir/serve.log" &
  serve=$!
  pids+=("$serve")
  until_true 10 curl -sf "$url/health" || fail "serve does not start"
}

start_redis --appendonly no
start_serve
"$bl" worker --redis "$redis" --env test --durability none --log-level debug 2>>"$dir/worker.log" &
pids+=($!)
until_true 10 curl -sf "$url/ready" || fail "not ready: $(curl -s "$url/ready")"

# Every value of every key, as text.
dump() {
  local key
  cli --raw keys '*' | while IFS= read -r key; do
    echo "KEY $key"
    case $(cli --raw type "$key") in
    string) cli --raw get "$key" ;;
    hash) cli --raw hgetall "$key" ;;
    list) cli --raw lrange "$key" 0 -1 ;;
    set) cli --raw smembers "$key" ;;
    zset) cli --raw zrange "$key" 0 -1 withscores ;;
    none) ;; # gone since
    stream) cli --raw xrange "$key" - + ;;
    *) fail "a key of an unknown type: $key" ;;
    esac
  done
}

total() { curl -s "$url/api/metrics" | grep -o "\"$1\":[0-9]*" | cut -d: -f2; }
has_total() { [ "$(total "$1")" = "$2" ]; }
post() { curl -s --interface 127.0.0.9 -o "$dir/answer" -w '%{http_code}' -H 'X-Forwarded-For: 198.51.100.23' -A 'AGENTSECRET/1' "$@"; }
expect() { # STATUS CURL-ARGUMENTS...
  local want=$1 got
  shift
  got=$(post "$@")
  [ "$got" = "$want" ] || fail "$want was expected, not $got: $(cat "$dir/answer") for $*"
}
event() { # its own fields may come from $1
  echo "{\"user_id\":\"ann\",\"action\":\"click\",\"page\":\"https://shop.example/cart?token=QUERYSECRET#FRAGSECRET\",\"ip_address\":\"203.0.113.77\",\"referrer\":\"https://mail.example/inbox?code=QUERYSECRET#FRAGSECRET\"${1:-}}"
}

# --- 1. addresses, queries, fragments: taken events, refused ones, refused bodies
expect 202 -d "$(event)" "$url/events"
expect 202 -d "$(event | sed 's/203.0.113.77/2001:db8:aaaa:bbbb:cccc::77/')" "$url/events?key=KEYSECRET"
expect 207 -d "[$(event),$(event ',"country":7'),{\"user_id\":\"bob\"}]" "$url/events/batch"
expect 400 -d "$(event | sed 's/"click"/"clique?x=QUERYSECRET"/')" "$url/events"
expect 400 -d "$(event | sed 's/203.0.113.77/203.0.113.77, 203.0.113.78/')" "$url/events"
expect 400 -d "$(event | sed 's/203.0.113.77/2001:db8:aaaa:bbbb:cccc::77%eth0/')" "$url/events"
expect 400 -d "$(event ',"user_id":"2nd"')" "$url/events"
expect 400 -d "$(event ',' )" "$url/events"
expect 415 -H 'content-type: text/xml' -d "$(event)" "$url/events"
for _ in 1 2 3 4 5; do expect 202 -d "$(event ',"metadata":{"target":"pay"}')" "$url/events"; done
expect 202 -d "$(event ',"metadata":{"target":"buy"}' | sed 's/"click"/"dead_click"/')" "$url/events" # stays open
expect 404 "$url/nowhere?token=QUERYSECRET"
expect 200 "$url/api/patterns?q=nothing&key=KEYSECRET"
until_true 10 has_total total_events 9 || fail "events are missing: $(curl -s "$url/api/metrics")"
bad_events() { [ "$(cli xlen bl:test:bad)" = 8 ]; }
until_true 10 bad_events || fail "the bad events are not there: $(cli xlen bl:test:bad)"
dump >"$dir/dump"
grep -F '203.0.113.0' "$dir/dump" >/dev/null || fail "the cut address is not there: the test looks at nothing"
grep -F '2001:db8:aaaa::' "$dir/dump" >/dev/null || fail "the cut IPv6 address is not there"
grep -F 'https://mail.example/inbox"' "$dir/dump" >/dev/null || fail "the cut referrer is not there"
for word in 203.0.113.77 203.0.113.78 cccc::77 198.51.100.23 QUERYSECRET FRAGSECRET KEYSECRET AGENTSECRET 127.0.0.9; do
  if grep -n -F -B 3 "$word" "$dir/dump" "$dir/serve.log" "$dir/worker.log" >"$dir/found"; then
    cat "$dir/found" >&2
    fail "$word was kept"
  fi
done

# --- 2. Sec-GPC: 1 is counted, not stored
before=$(cli xlen bl:test:bad)
expect 202 -H 'Sec-GPC: 1' -d "$(event | sed 's/ann/GPCSECRET/')" "$url/events"
grep -F '"stored":false' "$dir/answer" >/dev/null || fail "the answer does not say that nothing is stored"
grep -F '"status":"accepted"' "$dir/answer" >/dev/null || fail "a client would repeat it: $(cat "$dir/answer")"
expect 207 -H 'Sec-GPC: 1' -d "[$(event | sed 's/ann/GPCSECRET/'),{\"user_id\":\"GPCSECRET\"}]" "$url/events/batch"
expect 400 -H 'Sec-GPC: 1' -d '{"user_id":"GPCSECRET"}' "$url/events"
expect 415 -H 'Sec-GPC: 1' -H 'content-type: text/xml' -d 'GPCSECRET' "$url/events"
expect 202 -H 'Sec-GPC: 0' -d "$(event)" "$url/events"
until_true 10 has_total unstored 2 || fail "what was not stored is not counted: $(curl -s "$url/api/metrics")"
until_true 10 has_total total_events 10 || fail "Sec-GPC: 0 was not stored"
curl -s "$url/metrics" | grep -F 'unstored_total{reason="gpc"} 2' >/dev/null || fail "/metrics does not say it"
dump >"$dir/dump"
if grep -F GPCSECRET "$dir/dump" "$dir/serve.log" "$dir/worker.log" >&2; then fail "a GPC event was kept"; fi
[ "$(cli xlen bl:test:bad)" = "$before" ] || fail "a GPC event is among the bad ones"
[ "$(cli hgetall bl:test:unstored | tr '\n' ' ')" = 'gpc 2 ' ] || fail "the counter is not what it should be"

# --- 3. the audit trail: an action that cannot be written down does not happen
id=$(curl -s "$url/api/patterns?resolved=false" | grep -o '"pattern_id":"[0-9a-f]*' | sed -n 1p | cut -d'"' -f4 || true)
[ -n "$id" ] || fail "no pattern to resolve"
commands() {
  local p
  for p in 0 1 2 3 4 5 6 7; do cli --raw xrange "bl:{test:$p}:events" - + | sed -n '/^command$/p'; done | wc -l
}
cli set bl:test:audit 'no stream' >"$dir/out"
commands=$(commands)
expect 503 -X PATCH "$url/api/patterns/$id/resolve"
grep -F 'audit trail' "$dir/answer" >/dev/null || fail "the answer does not say why: $(cat "$dir/answer")"
[ "$(commands)" = "$commands" ] || fail "a command went out though the trail could not be written"
expect 200 "$url/api/patterns/$id"
grep -F '"resolved":false' "$dir/answer" >/dev/null || fail "it was resolved though the trail could not be written"
printf 'rules:\n  hesitation:\n    low: 11s\n' >"$dir/rules.yaml"
"$bl" rules apply "$dir/rules.yaml" --redis "$redis" --env test >"$dir/out" 2>&1 && fail "rules were applied without a trail"
[ "$(cli xlen bl:test:rules)" = 1 ] || fail "the rules were changed though the trail could not be written"
cli del bl:test:audit >"$dir/out"

expect 200 -X PATCH "$url/api/patterns/$id/resolve"
expect 200 -X PATCH "$url/api/patterns/$id/resolve" # resolved already: nothing happens, nothing is written down
"$bl" rules apply "$dir/rules.yaml" --redis "$redis" --env test >"$dir/out" || fail "rules apply"
trail=$(cli --raw xrange bl:test:audit - + | tr '\n' ' ')
[[ $trail == *"action resolve actor anonymous subject $id"*"action rules actor local:$(id -un) subject 2"* ]] ||
  fail "the trail is not what happened: $trail"
[ "$(cli xlen bl:test:audit)" = 2 ] || fail "two entries were expected"
curl -s "$url/api/audit?limit=1" -D "$dir/head" | grep -F '"action":"rules"' >/dev/null || fail "newest first"
next=$(tr -d '\r' <"$dir/head" | sed -n 's/^[Ll]ink: <\(.*\)>; rel="next"$/\1/p')
curl -s "$url$next" | grep -F '"action":"resolve"' >/dev/null || fail "the next page: $next"
curl -s "$url/api/audit?action=resolve" | grep -F '"action":"rules"' >/dev/null && fail "the filter lets others through"
etag=$(tr -d '\r' <"$dir/head" | sed -n 's/^[Ee][Tt]ag: //p')
expect 304 -H "If-None-Match: $etag" "$url/api/audit?limit=1"
expect 400 "$url/api/audit?before=x"
"$bl" inspect audit --redis "$redis" --env test | grep -F "local:$(id -un)" >/dev/null || fail "inspect audit"
head=$("$bl" inspect audit --verify --redis "$redis" --env test | sed -n 's/^head //p')
[ -n "$head" ] || fail "inspect audit --verify"
"$bl" inspect audit --verify --head "$head" --redis "$redis" --env test >"$dir/out" || fail "the head: $(cat "$dir/out")"
cli xdel bl:test:audit "$(cli --raw xrange bl:test:audit - + count 1 | sed -n 1p)" >"$dir/out"
"$bl" inspect audit --verify --redis "$redis" --env test >"$dir/out" && fail "a missing entry was not found"
grep -F 'broken at entry 2' "$dir/out" >/dev/null || fail "the place is not named: $(cat "$dir/out")"

# --- 4. by wish of the operator GPC is ignored
kill "$serve"
wait "$serve" || fail "serve did not end well"
start_serve --gpc ignore
until_true 10 curl -sf "$url/ready" || fail "not ready again"
expect 202 -H 'Sec-GPC: 1' -d "$(event | sed 's/ann/kept/')" "$url/events"
until_true 10 has_total total_events 11 || fail "--gpc ignore does not store"
echo "privacy: as promised"
