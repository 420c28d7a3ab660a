#!/usr/bin/env bash
# What workers die of is found and set aside, alone: an event, a deadline; under `up` too. Workers that are killed for
# other reasons, again and again, leave nothing set aside. Debug builds only (src/app/hook.h).
# usage: test_poison.sh PATH_TO_BEHAVIORLENS
set -euo pipefail
bl=$1
# shellcheck source=tests/support/processes.sh
. "$(dirname "$0")/../support/processes.sh"
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:handle_abort=0
ulimit -c 0

key() { echo "bl:{dev:0}:$1"; }
cat >"$dir/rules.yaml" <<'YAML'
lease: 300ms
renew: 60ms
partitions: 1
rules:
  hesitation: {low: 1s, medium: 2s, high: 3s}
YAML

# Two workers, each started again whenever it dies.
keep_worker() {
  while ! [ -e "$dir/enough" ]; do
    "$bl" worker --redis "unix://$dir/redis.sock" --config "$dir/rules.yaml" 2>>"$dir/worker$1.log" &
    echo $! >"$dir/worker$1.pid"
    wait $! || echo died >>"$dir/deaths"
  done
}
batch() { # USER...: one entry of that many events
  local text='' user
  for user in "$@"; do
    text+="{\"user_id\":\"$user\",\"action\":\"click\",\"page\":\"/p\",\"event_id\":\"e-$user\"}"$'\n'
  done
  printf '%s' "${text%$'\n'}" | cli -x xadd "$(key events)" '*' events >/dev/null
}
counted() { local n; n=$(cli hget "$(key counters)" "$1"); echo "${n:-0}"; }
count_is() { [ "$(counted "$1")" -eq "$2" ]; }
pending() { cli xpending "$(key events)" core | sed -n 1p; }
idle() { [ "$(pending)" -eq 0 ] && [ "$(cli hget "$(key position)" id)" = "$(cli --raw xrevrange "$(key events)" + - COUNT 1 | sed -n 1p)" ]; }
aside() { cli --raw xrange "$(key quarantine)" - +; }

start_redis --appendonly yes --appendfsync always
export BEHAVIORLENS_TEST_ABORT_EVENT=poison BEHAVIORLENS_TEST_ABORT_DEADLINE=late
keep_worker 1 2>/dev/null & pids+=($!)
keep_worker 2 2>/dev/null & pids+=($!)

echo "-- one event of 128, with a second one behind it"
batch $(seq -f 'a%g' 60) poison $(seq -f 'b%g' 66) poison
until_true 60 idle || fail "the entry is not committed: $(cli hgetall "$(key suspect)")"
count_is events 126 || fail "$(counted events) of 126 events took effect"
count_is quarantined 2 || fail "$(counted quarantined) set aside: $(aside)"
[ "$(aside | grep -c 'workers died of this event')" -eq 2 ] || fail "no reason: $(aside)"
[ "$(aside | grep -A1 '^line$' | grep -v -e line -e -- | tr '\n' ' ')" = "60 127 " ] || fail "lines: $(aside)"
[ "$(cli exists "$(key suspect)")" -eq 0 ] || fail "marks are left"
batch c1 c2
until_true 20 count_is events 128 || fail "it does not go on"
deaths=$(wc -l <"$dir/deaths")
[ "$deaths" -ge 6 ] || fail "set aside after $deaths deaths"
echo "$deaths deaths"

echo "-- a deadline"
batch late d1
until_true 60 count_is quarantined 3 || fail "the deadline is not set aside: $(cli hgetall "$(key suspect)")"
aside | grep "workers died of this user's state" >/dev/null || fail "no reason: $(aside)"
[ "$(cli exists "$(key user:late)")" -eq 0 ] || fail "the user is still there"
[ -z "$(cli zscore "$(key deadlines)" late)" ] || fail "the deadline is still there"
until_true 20 idle || fail "it does not go on after a deadline"
[ "$(cli exists "$(key user:d1)")" -eq 1 ] || fail "the neighbour is gone"
count_is events 130 || fail "$(counted events) of 130 events took effect"

echo "-- killed for other reasons"
moved() { [ "$(cli hget "$(key position)" id)" != "$before" ]; }
events=130
for i in $(seq 40); do
  for k in $(seq 20); do batch "k$i-$k-1" "k$i-$k-2" "k$i-$k-3"; done
  events=$((events + 60))
  for w in 1 2; do
    p=$(cat "$dir/worker$w.pid")
    [ $((i % 3)) -eq 0 ] && [ $w -eq 2 ] || kill -9 "$p" 2>/dev/null || true
  done
  # Whoever is killed three times before he has done a step looks like one who died of it: that a slow machine does not get so
  # far, now and then something is done between two deaths.
  before=$(cli hget "$(key position)" id)
  [ $((i % 2)) -eq 0 ] || until_true 20 moved || fail "nothing is committed"
  sleep "0.$((RANDOM % 5))"
done
until_true 60 idle || fail "not all is committed after the kills"
count_is events $events || fail "$(counted events) of $events events took effect"
count_is quarantined 3 || fail "something good was set aside: $(aside)"
count_is duplicates 0 || fail "something took effect twice"
touch "$dir/enough"
for w in 1 2; do kill "$(cat "$dir/worker$w.pid")"; done

echo "-- what was set aside is left out of the export"
"$bl" inspect entries --redis "unix://$dir/redis.sock" >"$dir/entries" 2>"$dir/inspect.log"
grep '"user_id":"a60"' "$dir/entries" >/dev/null || fail "the export has not the neighbours"
! grep '"user_id":"poison"' "$dir/entries" >/dev/null || fail "the export has what nobody can apply"

echo "-- under up"
"$bl" up --data "$dir/data" --port 0 --config "$dir/rules.yaml" >"$dir/up.out" 2>"$dir/up.log" &
up=$!
pids+=("$up")
until_true 30 grep 'Ctrl-C stops it' "$dir/up.out" || fail "up does not start"
url=$(awk '/ POST / { sub("/events$", "", $3); print $3 }' "$dir/up.out")
curl -fsS "$url/events/batch" -H 'Content-Type: application/json' >/dev/null \
  -d '[{"user_id":"x","action":"click","page":"/p"},{"user_id":"poison","action":"click","page":"/p"},{"user_id":"y","action":"click","page":"/p"}]' ||
  fail "up does not take events"
lived() { curl -fsS "$url/api/metrics" | grep '"total_events":2[,}]' >/dev/null; }
until_true 90 lived || fail "up does not go on: $(curl -sS "$url/api/metrics")"
kill -TERM "$up"
wait "$up" || fail "exit status of up"
