#!/usr/bin/env bash
# dashboard/openapi.json tells the truth: every route is in it and nothing else, and what a running system answers to
# every call, errors included, is as described. Usage: test_openapi.sh PROGRAM SOURCE_DIR
set -euo pipefail
bl=$1 source=$2
# shellcheck source=../support/e2e.sh
. "$(dirname "$0")/../support/e2e.sh"

doc=$source/dashboard/openapi.json
openapi() { python3 "$source/tests/support/openapi.py" "$doc" "$@"; }
openapi examples || fail "the examples"

# --- every route, as they stand in the route tables; pages below /demo are told of in words
grep -hoE '^ *(static const struct bl_route routes\[\] = \{)?\{?"(GET|POST|PATCH|PUT|DELETE)", "[^"]+"|\{"(GET|POST|PATCH|PUT|DELETE)", "[^"]+"' "$source"/src/http/*.c |
    grep -oE '"[A-Z]+", "[^"]+"' | tr -d '",' | grep -vE ' /demo/| /favicon.ico$' | sort -u > "$work/routes"
[ "$(wc -l < "$work/routes")" -gt 30 ] || fail "the route tables were not found"
openapi routes "$work/routes" || fail "routes and description differ"

# --- a system with something of everything in it
redis=unix://$work/redis.sock
port=$(free_port)
at=http://127.0.0.1:$port
redis-server --port 0 --unixsocket "$work/redis.sock" --dir "$work" --save '' --maxmemory-policy noeviction > "$work/redis.out" &
started+=($!)
eventually 10 redis-cli -s "$work/redis.sock" ping
"$bl" worker --redis "$redis" --durability none 2> "$work/worker.err" &
started+=($!)
"$bl" serve --redis "$redis" --durability none --port "$port" 2> "$work/serve.err" &
started+=($!)
eventually 20 curl -fsS "$at/ready"

# ask STATUS METHOD PATH [CURL OPTIONS]
ask() {
    local got
    : > "$work/body"
    got=$(curl -sS -m 10 -X "$2" -o "$work/body" -w '%{http_code} %{content_type}' "${@:4}" "$at$3")
    [ "${got%% *}" = "$1" ] || fail "$2 $3 is answered $got, not $1: $(cat "$work/body")"
    openapi answer "$2" "$3" "$1" "${got#* }" "$work/body" || fail "$2 $3 ($1) is not as described"
}
send() { ask 202 POST /events -d "$1"; }

for user in ann bob; do
    for page in /shoes /shoes /shoes /cart /checkout /payment /; do
        send "{\"user_id\":\"$user\",\"action\":\"page_view\",\"page\":\"$page\",\"country\":\"DE\",\"metadata\":{\"a\":[1,null]}}"
    done
    for _ in 1 2 3 4; do send "{\"user_id\":\"$user\",\"action\":\"click\",\"page\":\"/\",\"duration\":1.5,\"metadata\":{\"target\":\"buy\"}}"; done
    send "{\"user_id\":\"$user\",\"action\":\"input_change\",\"page\":\"/\",\"metadata\":{\"form\":\"address\"}}"
done
send '{"user_id":"cid","action":"page_view","page":"/checkout"}'
send '{"user_id":"cid","action":"purchase","page":"/checkout","event_id":"e1"}'
ask 202 POST /ingest -d '{"user_id":"d","action":"session_start"}'
ask 202 POST /events/batch -d '[]'
ask 207 POST /ingest/batch -d '{"events":[{"user_id":"d","action":"click","page":"/"},7]}'
ask 400 POST /events/batch -d '[7]'
ask 400 POST /events/batch -d 'hello'
ask 400 POST /events -d '{"user_id":"x"}'
ask 202 POST /events -d '{"user_id":"x","action":"click","page":"/"}' -H 'Sec-GPC: 1'
ask 207 POST /events/batch -d '[{"user_id":"x","action":"click","page":"/"},7]' -H 'Sec-GPC: 1'
ask 415 POST /events -d '{}' -H 'Content-Type: image/png'
head -c 3000000 /dev/zero | tr '\0' ' ' > "$work/large"
ask 413 POST /events --data-binary "@$work/large"
settled() {
    curl -fsS "$at/api/metrics" | jq -e '.patterns_detected >= 4' > /dev/null && curl -fsS "$at/api/bad-events" | jq -e 'length > 0' &&
        curl -fsS "$at/api/partitions" | jq -e 'map(.lag) | add == 0' && curl -fsS "$at/api/workers" | jq -e 'length > 0'
}
eventually 20 settled

# --- every call; lists are not empty
for call in /api/patterns /api/users /api/users/active '/api/users/ann/events' /api/events /events /api/bad-events /api/workers \
    /api/partitions /api/pages '/api/metrics/history?minutes=3' '/api/user/events?id=bob'; do
    ask 200 GET "$call"
    jq -e 'length > 0' "$work/body" > /dev/null || fail "$call is empty"
done
for call in /api/metrics /api/stats /api/users/ann '/api/user?id=cid' /health /ready /metrics /openapi.json; do
    ask 200 GET "$call"
done
minutes() { curl -fsS "$at/api/metrics/history?minutes=5" | jq -e "$1" > /dev/null; }
eventually 20 minutes 'map(.attempts_completed) | add == 1'
eventually 20 minutes 'map(.attempts_abandoned) | add == 2'
eventually 20 minutes 'map(.patterns_detected) | add >= 4'
eventually 20 minutes 'map(.patterns_resolved) | add >= 1' # a rage click ends 2 s after the last click
measured() { curl -fsS "$at/api/workers" | jq -e '.[0] | .latency_p50_ms >= 0 and .latency_p99_ms >= .latency_p50_ms' > /dev/null; }
eventually 10 measured
curl -fsS "$at/metrics" | grep '^behaviorlens_pattern_latency_seconds_bucket{.*le="+Inf"} [1-9]' > /dev/null || fail "the histogram"
[ "$(cat "$work/routes" | grep -c '/api/rules')" = 0 ] || ask 200 GET /api/rules
curl -fsS -D "$work/head" -o /dev/null "$at/api/patterns?limit=1"
grep -i '^etag: ' "$work/head" > /dev/null || fail "no ETag"
grep -i '^link: <.*>; rel="next"' "$work/head" > /dev/null || fail "no Link"
ask 304 GET /api/workers -H 'If-None-Match: *'
id=$(curl -fsS "$at/api/patterns?resolved=false" | jq -r '.[0].pattern_id')
ask 200 GET "/api/patterns/$id"
resolved() { [ "$(curl -sS -o /dev/null -w '%{http_code}' -X PATCH "$at/api/patterns/$id/resolve")" = 200 ]; }
eventually 5 resolved # 202 if the worker takes its time
ask 200 PATCH "/api/patterns/$id/resolve"
ask 200 GET /api/audit
curl -fsS "$at/api/audit?action=resolve&limit=1" | jq -e '.[0].action == "resolve"' > /dev/null || fail "the trail"
ask 304 GET /api/audit -H 'If-None-Match: *'
ask 400 GET '/api/audit?before=x'
ask 200 GET '/api/patterns?resolved=true'
ask 404 GET /api/patterns/00000000000000000000000000000000
ask 404 PATCH /api/patterns/00000000000000000000000000000000/resolve
ask 404 GET /api/users/nobody
for bad in '/api/patterns?limit=0' '/api/metrics/history?minutes=x' '/api/pages?limit=x' '/api/users?within=0' '/api/users/active?within=x' \
    '/api/user?x=1' '/api/events?limit=x' '/api/bad-events?limit=x' '/api/stream?type=x'; do
    ask 400 GET "$bad"
done

# --- an erasure and the way back
ask 404 GET /api/users/bob/erasure
ask 200 DELETE /api/users/bob
ask 200 DELETE '/api/user?id=bob'
ask 200 GET /api/users/bob/erasure
ask 200 GET '/api/user/erasure?id=bob'
refused() { [ "$(curl -sS -o /dev/null -w '%{http_code}' "$at/events" -d '{"user_id":"bob","action":"click","page":"/"}')" = 410 ]; }
eventually 10 refused
ask 410 POST /events -d '{"user_id":"bob","action":"click","page":"/"}'
ask 410 POST /ingest -d '{"user_id":"bob","action":"click","page":"/"}'
ask 207 POST /events/batch -d '[{"user_id":"bob","action":"click","page":"/"},{"user_id":"x","action":"click","page":"/"}]'
ask 200 DELETE /api/users/bob/tombstone
ask 200 DELETE '/api/user/tombstone?id=bob'
ask 400 DELETE /api/user

# --- the stream's events
curl -sN -m 300 "$at/api/stream" > "$work/stream" 2> /dev/null &
started+=($!)
eventually 10 grep '^event: stats' "$work/stream"
for _ in 1 2 3; do send '{"user_id":"eve","action":"page_view","page":"/hats"}'; done
eventually 10 grep '"change":"new"' "$work/stream"
grep '^data: {"total' "$work/stream" | sed -n 1p | cut -c7- > "$work/stats"
grep '^data: {"change"' "$work/stream" | sed -n 1p | cut -c7- > "$work/change"
openapi schema Metrics "$work/stats" || fail "stats"
openapi schema PatternChange "$work/change" || fail "pattern"

# --- with keys, at a server of its own
secret=0123456789abcdef0123456789abcdef
open_at=$at
BL_KEYS="write:w-$secret read:r-$secret" "$bl" serve --redis "$redis" --durability none --port 0 2> "$work/keys.err" &
started+=($!)
eventually 20 grep '"data set open"' "$work/keys.err"
ask 200 GET /login
at=http://127.0.0.1:$(jq -r 'select(.message == "listening") | .port' "$work/keys.err")
ask 200 GET /login
ask 200 GET /login -u "r-$secret:"
ask 400 GET "/login?key=a&key=b"
ask 200 POST /login -d "{\"key\":\"r-$secret\"}"
ask 400 POST /login -d '{}'
ask 401 POST /login -d '{"key":"x"}'
ask 403 POST /login -d "{\"key\":\"w-$secret\"}"
ask 204 POST /logout
ask 403 POST /logout -H 'Origin: https://elsewhere.example'
for call in /api/patterns /api/metrics /api/stream /metrics; do
    ask 401 GET "$call"
    ask 403 GET "$call" -u "w-$secret:"
done
ask 401 POST /events -d '{}'
ask 403 POST /events/batch -d '[]' -u "r-$secret:"
ask 403 PATCH /api/patterns/00000000000000000000000000000000/resolve -u "r-$secret:"
# every route but those that are open to all asks for a key, whoever adds one
while read -r method path; do
    case $path in / | /dashboard | /demo | /assets/* | /tracker.js | /favicon.* | /openapi.json | /health | /ready | /log*) continue ;; esac
    got=$(curl -sS -m 10 -o "$work/body" -w '%{http_code}' -X "$method" "$at$(sed 's/{[^}]*}/x/g' <<< "$path")")
    [ "$got" = 401 ] || fail "$method $path is open: $got"
done < "$work/routes"
at=$open_at

# --- without a store
redis-cli -s "$work/redis.sock" shutdown nosave || true
down() { [ "$(curl -s -o /dev/null -w '%{http_code}' "$at/ready")" = 503 ]; }
eventually 10 down
ask 503 GET /ready
for call in /api/patterns /api/metrics /api/stream /metrics; do ask 503 GET "$call"; done
ask 503 POST /events -d '{"user_id":"x","action":"click","page":"/"}'
ask 200 GET /health
echo "ok"
