#!/usr/bin/env bash
# The API over what real workers write: two serves and a worker on a Redis of their own.
# Usage: test_api_live.sh PROGRAM
set -euo pipefail
bl=$1
# shellcheck source=../support/e2e.sh
. "$(dirname "$0")/../support/e2e.sh"

redis=unix://$work/redis.sock
port=$(free_port 2)
one=http://127.0.0.1:$port two=http://127.0.0.1:$((port + 1))
redis-server --port 0 --unixsocket "$work/redis.sock" --dir "$work" --save '' --maxmemory-policy noeviction > "$work/redis.out" &
started+=($!)
eventually 10 redis-cli -s "$work/redis.sock" ping

# On a busy machine the pages stay open for long: somebody who waits would be one pattern more.
printf 'rules:\n  hesitation:\n    enabled: false\n' > "$work/rules.yaml"
start_worker() {
    "$bl" worker --config "$work/rules.yaml" --redis "$redis" --durability none 2>> "$work/worker.err" &
    worker=$!
    started+=("$worker")
}
start_worker
for p in $port $((port + 1)); do
    "$bl" serve --redis "$redis" --durability none --port "$p" 2> "$work/serve-$p.err" &
    started+=($!)
done
eventually 10 curl -fsS "$one/ready"
eventually 10 curl -fsS "$two/ready"

post() { curl -fsS "$one/events" -d "$1" > /dev/null; }
# is CALL FILTER: the answer passes the jq filter.
is() { curl -fsS "$two$1" | jq -e "$2" > /dev/null; }

post '{"user_id":"a/b ü","action":"page_view","page":"/cart","session_id":"s-1"}'
for _ in 1 2 3; do post '{"user_id":"looper","action":"page_view","page":"/shoes/?x=1"}'; done
post '{"user_id":"buyer","action":"page_view","page":"/checkout"}'
post '{"user_id":"buyer","action":"purchase","page":"/checkout"}'
post '{"user_id":"leaver","action":"page_view","page":"/checkout"}'
post '{"user_id":"leaver","action":"page_view","page":"/"}'
for _ in 1 2; do post '{"user_id":"twice","action":"scroll","page":"/","event_id":"e1"}'; done
curl -sS "$one/events" -d '{"user_id":"x"}' > /dev/null

eventually 10 is /api/metrics '.total_events == 9 and .duplicates == 1 and .rejected == 1 and .active_users == 5'
is /api/metrics '.patterns_by_type["navigation-loop"] == 1 and .patterns_by_type.abandonment == 1' || fail "types"
is /api/metrics '.abandonment_rate == 0.5 and .events_per_second > 0' || fail "rates"
is '/api/patterns?type=navigation-loop' 'length == 1 and .[0].user_id == "looper" and .[0].page == "/shoes"' || fail "list"
is '/api/patterns?q=LEAVER&severity=high&page=/checkout/' 'length == 1 and .[0].variant == "exit"' || fail "filters"
is '/api/patterns?resolved=false' 'length == 2' || fail "open"
is '/api/patterns?user_id=looper' 'length == 1' || fail "of a user"
is '/api/users' 'length == 5 and any(.user_id == "looper" and .has_active_pattern and .current_page == "/shoes")' || fail "users"
is '/api/users/a%2Fb%20%C3%BC' '.checkout.page == "/cart" and .checkout.ttl_ms > 0 and .checkout.ttl_ms <= 60000 and .session_id == "s-1"' || fail "user"
is '/api/user?id=looper' '.has_active_pattern and (.open_patterns | length) == 1' || fail "open pattern of a user"
is '/api/users/looper/events' 'length == 3 and .[0].page == "/shoes"' || fail "window"
is '/api/events' 'length == 9 and .[0].received >= .[-1].received' || fail "events"
is '/events?user_id=twice' 'length == 1' || fail "events of a user"
eventually 5 is /api/bad-events 'length == 1 and .[0].reason == "missing_field"'
is /api/pages 'map(.page) | index("/shoes") != null' || fail "pages"
is '/api/metrics/history?minutes=5' '(map(.events) | add) == 9' || fail "history"
# Heartbeats and leases are of the moment, and a tick may come at any.
eventually 10 is /api/workers 'length == 1 and (.[0].partitions | length) == 8'
eventually 10 is /api/partitions 'length == 8 and (map(.lag) | add) == 0 and all(.owner != null)'
processes() { [ "$(curl -fsS "$two/metrics" | grep -c '^behaviorlens_process_up')" = 3 ]; }
eventually 10 processes

# The pattern's id in the user's state is the one it is stored under.
id=$(curl -fsS "$one/api/users/looper" | jq -r '.open_patterns[0].pattern_id')
is "/api/patterns/$id" '.user_id == "looper"' || fail "id"
code() { curl -sS -o "$work/body" -w '%{http_code}' "$@"; }
[ "$(code -X PATCH "$one/api/patterns/$id/resolve")" = 200 ] || fail "resolve"
jq -e '.resolved and .resolution == "manual"' "$work/body" > /dev/null || fail "not resolved"
[ "$(code -X PATCH "$one/api/patterns/$id/resolve")" = 200 ] || fail "resolve again"

# The same bytes and tags from every process; once more, should a new minute begin between the two.
same_tag() {
    tag=$(curl -fsS -D - -o "$work/one" "$one$1" | tr -d '\r' | sed -n 's/^etag: //p')
    [ -n "$tag" ] && [ "$(code -H "If-None-Match: $tag" "$two$1")" = 304 ]
}
for call in "/api/patterns" "/api/pages" "/api/events" "/api/metrics/history?minutes=5"; do
    eventually 2 same_tag "$call"
done

# Nobody works: 202, and the lag shows; the next worker applies it.
other=$(curl -fsS "$one/api/patterns?resolved=false" | jq -r '.[0].pattern_id')
kill -9 "$worker"
[ "$(code -X PATCH "$one/api/patterns/$other/resolve")" = 202 ] || fail "202"
is /api/partitions '(map(.lag) | add) >= 1 and (map(.oldest_unprocessed) | max) > 0' || fail "lag"
eventually 5 is /api/workers 'length == 0'
start_worker
eventually 10 is "/api/patterns/$other" '.resolution == "manual"'

"$bl" inspect --redis "$redis" --json | jq -e '.total_events == 9' > /dev/null || fail "inspect"
"$bl" inspect lag --redis "$redis" > "$work/lag"
[ "$(wc -l < "$work/lag")" = 9 ] && head -1 "$work/lag" | grep '^partition  lag' >/dev/null || fail "inspect lag"
"$bl" inspect leases --redis "$redis" --json | jq -e 'length == 8 and all(.owner != null)' > /dev/null || fail "leases"
"$bl" inspect users --redis "$redis" | grep '^a/b ü ' >/dev/null || fail "inspect users"
"$bl" inspect user looper --redis "$redis" | jq -e '.user_id == "looper"' > /dev/null || fail "inspect user"
"$bl" inspect pattern "$id" --redis "$redis" | jq -e '.resolved' > /dev/null || fail "inspect pattern"
for _ in 1 2 3 4; do post '{"user_id":"esc","action":"click","page":"/","metadata":{"target":"\u001b[2J\u009b2J\u202e"}}'; done
eventually 10 is '/api/patterns?user_id=esc' 'length == 1'
esc=$(curl -fsS "$one/api/patterns?user_id=esc" | jq -r '.[0].pattern_id')
for what in "pattern $esc" patterns 'user esc' "pattern $esc --json"; do
    # shellcheck disable=SC2086
    "$bl" inspect $what --redis "$redis" > "$work/shown"
    ! LC_ALL=C grep -aE $'\x1b|\xc2[\x80-\x9f]|\xe2\x80\xae' "$work/shown" > /dev/null || fail "a visitor's text moves the cursor: $what"
done
jq -e '.evidence.target == "\u001b[2J\u009b2J\u202e"' "$work/shown" > /dev/null || fail "what is shown is not what was sent"
"$bl" inspect entries --redis "$redis" > "$work/entries"
[ "$(jq -c 'select(.event)' "$work/entries" | wc -l)" = 14 ] || fail "entries"
jq -es 'map(.received) | . == sort' "$work/entries" > /dev/null || fail "order of entries"
"$bl" inspect keys | grep "redis-cli TTL 'bl:{dev:0}:checkout:X'" >/dev/null || fail "keys"
if "$bl" inspect user nobody --redis "$redis" 2> /dev/null; then fail "nobody is known"; fi

# Redis away: 503 at once, and back by itself.
kill -9 "${started[0]}"
start=$SECONDS
[ "$(code "$one/api/patterns")" = 503 ] && [ $((SECONDS - start)) -le 10 ] || fail "503"
