#!/usr/bin/env bash
# `behaviorlens simulate` (SPEC 8): the same seed gives the same shoppers, and no event is lost when the server and
# the store die under it. Usage: test_simulate.sh PROGRAM
set -euo pipefail
program=$1
# shellcheck source=../support/e2e.sh
. "$(dirname "$0")/../support/e2e.sh"
unset PORT

# Under everysec Redis puts the writing of its file off while a sync is under way, and a kill meanwhile loses what it
# had answered. (README, "What is guaranteed")
"$program" up --durability always --port 0 --data "$work/data" > "$work/up.out" 2> "$work/up.err" &
up=$!
started+=("$up")
eventually 30 grep -q "Ctrl-C stops it" "$work/up.out"
url=$(awk '/ POST / { sub("/events$", "", $3); print $3 }' "$work/up.out")
socket=$work/data/redis.sock

# All events of the streams, as JSON lines, those of one user in order.
events() {
    local p
    for p in 0 1 2 3 4 5 6 7; do
        redis-cli -s "$socket" --raw xrange "bl:{dev:$p}:events" - + | grep '^{' || true
    done
}
# What the first ten shoppers of a run did first, without what differs from run to run.
beginnings() { # part of the event ids
    events | jq -r "select(.event_id | startswith(\"$1\")) | [.user_id, .action, .page] | join(\" \")" |
        awk '{ split($1, name, "-"); if (name[3] < 10 && n[$1]++ < 3) print }' | sort -s -k1,1
}

echo "-- the same seed, the same shoppers"
"$program" simulate --url "$url" --users 10 --rate 50 --duration 2500 --seed 42 > "$work/one.out"
first=$(events | jq -r .event_id | sed -n 1p | cut -d- -f1,2)
beginnings "$first" > "$work/one.txt"
"$program" simulate --url "$url" --users 10 --rate 50 --duration 2500 --seed 42 > "$work/two.out"
second=$(events | jq -r .event_id | grep -v "^$first" | sed -n 1p | cut -d- -f1,2)
beginnings "$second" > "$work/two.txt"
[ "$(wc -l < "$work/one.txt")" -ge 15 ] || fail "hardly any event: $(cat "$work/one.txt")"
diff "$work/one.txt" "$work/two.txt"

echo "-- nothing is lost when server and store are killed"
"$program" simulate --url "$url" --users 200 --rate 200 --duration 6s > "$work/three.out" 2> "$work/three.err" &
simulate=$!
started+=("$simulate")
for victim in 'behaviorlens serve' 'redis-server' 'behaviorlens serve'; do
    sleep 1
    kill -9 "$(pgrep -P "$up" -f "$victim" | sed -n 1p)"
done
wait "$simulate" || fail "exit status $? of the simulator"
accepted=$(awk '{ print $5 }' "$work/three.out")
distinct=$(events | jq -r .event_id | grep -cv -e "^$first" -e "^$second" || true)
distinct_ids=$(events | jq -r .event_id | grep -v -e "^$first" -e "^$second" | sort -u | wc -l)
echo "   $(cat "$work/three.out")"
[ "$accepted" -gt 100 ] || fail "only $accepted accepted"
[ "$distinct_ids" -ge "$accepted" ] || fail "$accepted accepted, $distinct_ids stored"
[ "$distinct" -ge "$distinct_ids" ] || fail "more ids than entries"

echo "-- nobody there: says so, and ends"
if "$program" simulate --url "$url/nowhere" --duration 1s 2> "$work/four.err"; then fail "404 taken for success"; fi
grep -q "answers 404" "$work/four.err"

kill "$up"
wait "$up"

echo "-- nobody listens: says so once, and what to start"
"$program" simulate --url http://127.0.0.1:1 --users 20 --duration 1s > "$work/five.out" 2> "$work/five.err" || true
[ "$(grep -c "nobody answers at 127.0.0.1:1 .*behaviorlens up" "$work/five.err")" -eq 1 ] || fail "told: $(cat "$work/five.err")"
