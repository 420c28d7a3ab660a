#!/usr/bin/env bash
# `behaviorlens up` (SPEC 8): it starts, survives the death of each of its children, keeps what it accepted, stops
# cleanly, and leaves nobody behind. Usage: test_up.sh PROGRAM
set -euo pipefail
program=$1
# shellcheck source=../support/e2e.sh
. "$(dirname "$0")/../support/e2e.sh"
unset PORT

pid=
url=
socket=

start() { # name options...: sets pid, url, socket
    local name=$1
    shift
    "$program" up --port 0 "$@" > "$work/$name.out" 2> "$work/$name.err" &
    pid=$!
    started+=("$pid")
    eventually 30 grep -q "Ctrl-C stops it" "$work/$name.out"
    url=$(awk '/ POST / { sub("/events$", "", $3); print $3 }' "$work/$name.out")
    socket=$(awk '/redis-cli/ { print $NF }' "$work/$name.out")
}

child() { pgrep -P "$pid" -f "$1" | sed -n 1p; }
replaced() { local now; now=$(child "$1") && [ -n "$now" ] && [ "$now" != "$2" ]; }
nobody() { ! pgrep -f "$work/data"; }
redis() { redis-cli -s "$socket" "$@"; }
data=$work/data
repair() { REDISCLI_AUTH=$(cat "$data/redis.operator") redis --user operator "$@"; }
post() {
    curl -fsS -m 2 -H 'Content-Type: application/json' "$url/events" \
        -d "{\"user_id\":\"up-test\",\"action\":\"page_view\",\"page\":\"/cart\",\"event_id\":\"$1\"}"
}
readable() { redis ping 2>&1 | grep PONG > /dev/null; }
entries() {
    local n=0 p
    eventually 30 readable # whoever may only look is let in a moment after the servers
    for p in 0 1 2 3 4 5 6 7; do n=$((n + $(redis xlen "bl:{dev:$p}:events"))); done
    echo "$n"
}

# what Redis refused to users other than the default one, since it was started
denied() { repair acl log 100 | awk '/^username$/ { getline; user = $0 } /^object$/ { getline; what = $0 } /^context$/ { getline }
    /^client-info$/ { if (user != "default") print user, what }'; }

stop() {
    [ -z "$(denied)" ] || fail "Redis refused: $(denied)"
    local status=0
    kill "-$1" "$pid"
    wait "$pid" || status=$?
    [ $status -eq 0 ] || fail "exit status $status after SIG$1"
}

echo "-- starts, and says where to look"
cat > "$work/fast.yaml" << 'YAML'
# A demo ten times faster, so that a test need not wait for a minute of silence.
rate: 1s
users: 20
speed: 10
rules:
  hesitation: {low: 1s, medium: 1500ms, high: 3s}
  abandonment: {timeout: 6s}
YAML
start first --config "$work/fast.yaml" --data "$work/data" --serve 2 --workers 2 --demo --rewrite-size 2GiB
[ "$(stat -c %a "$work/data")" = 700 ] || fail "the data directory is open to others"
[ "$(repair config get maxmemory-policy | tail -1)" = noeviction ] || fail "maxmemory-policy"
[ "$(repair config get appendonly | tail -1)" = yes ] || fail "appendonly"
[ "$(repair config get appendfsync | tail -1)" = everysec ] || fail "appendfsync"
[ "$(repair config get auto-aof-rewrite-min-size | tail -1)" = 2147483648 ] || fail "when its file is written anew"
[ "$(pgrep -c -P "$pid" -f 'behaviorlens worker')" = 2 ] || fail "two workers"
[ "$(pgrep -c -P "$pid" -f 'behaviorlens serve')" = 2 ] || fail "two servers"
post one | grep accepted >/dev/null

echo "-- without a password Redis can be looked at, no more; no secret is an argument, or open to others"
[ "$(stat -c %a "$work/data"/redis.{acl,admin,operator} | sort -u)" = 600 ] || fail "the secrets are open to others"
sees() { redis scan 0 | grep dev; }
eventually 30 sees # a moment after the servers
for line in 'set k v' 'flushall' 'config get dir' 'shutdown nosave' 'keys bl' 'acl list' 'eval return 0'; do
    # shellcheck disable=SC2086
    redis $line 2>&1 | grep NOPERM >/dev/null || fail "the default user may: $line"
done
for p in $(pgrep -P "$pid"); do
    if tr '\0' ' ' < "/proc/$p/cmdline" | grep -E '[0-9a-f]{64}'; then fail "a secret is an argument"; fi
done
connected() { repair client list | sed -n 's/.* user=\([a-z]*\).*/\1/p' | sort -u | tr '\n' ' '; }
as_planned() { [ "$(connected | tr -d '\n')" = "operator serve worker " ]; } # up itself may be there for a moment
eventually 10 as_planned

echo "-- the simulated shoppers' events arrive"
counted() { [ "$(curl -fsS -m 2 "$url/api/metrics" | jq .total_events)" -gt "$1" ]; }
eventually 30 counted 50

echo "-- and show a pattern of each type"
all_types() {
    curl -fsS -m 2 "$url/api/metrics" | jq -e '.patterns_by_type
        | .hesitation > 0 and ."navigation-loop" > 0 and .abandonment > 0'
}
eventually 60 all_types

echo "-- a second one on the same data, or the same port, is turned away with the reason"
if "$program" up --port 0 --data "$work/data" > "$work/second.out" 2>&1; then fail "two on one directory"; fi
grep -q "in use by another .*pid $pid" "$work/second.out"
if "$program" up --port "${url##*:}" --data "$work/other" > "$work/third.out" 2>&1; then fail "two on one port"; fi
grep -q "port ${url##*:} on 127.0.0.1 is in use" "$work/third.out"

echo "-- a dead child is replaced"
for role in 'behaviorlens worker' 'behaviorlens serve' 'redis-server'; do
    victim=$(child "$role")
    kill -9 "$victim"
    eventually 15 replaced "$role" "$victim"
done
eventually 15 post two

echo "-- stops cleanly, and keeps what it accepted"
before=$(entries)
stop INT
nobody || fail "somebody is left: $(pgrep -af "$work/data")"
if grep "did not end in time" "$work/first.err"; then fail "somebody had to be killed"; fi
grep -q "Stopping" "$work/first.out"
start again --data "$work/data"
[ "$(entries)" -ge "$before" ] || fail "$(entries) entries of $before after the restart"

echo "-- killed: no orphan remains"
kill -9 "$pid"
wait "$pid" 2> /dev/null || true
eventually 20 nobody

echo "-- an orphaned Redis is ended by its pid file"
redis-server --port 0 --unixsocket "$work/data/redis.sock" --dir "$work/data" --pidfile "$work/data/redis.pid" \
    --appendonly yes --save "" --daemonize no > "$work/orphan.out" 2>&1 &
orphan=$!
started+=("$orphan")
eventually 10 redis-cli -s "$work/data/redis.sock" ping
start third --data "$work/data"
eventually 5 gone "$orphan"
post three | grep accepted >/dev/null
stop TERM

echo "-- a path too long for a socket"
long=$work/$(printf 'd%.0s' {1..120})
data=$long
start long --data "$long"
grep -q "too long" "$work/long.out"
[ "$(stat -c %a "$(dirname "$socket")")" = 700 ] || fail "the socket's directory is open to others"
eventually 30 readable
stop HUP
[ ! -e "$(dirname "$socket")" ] || fail "the socket's directory is left"
data=$work/data

echo "-- another data set's partitions are refused with a sentence"
if "$program" up --port 0 --data "$work/data" --partitions 4 > "$work/four.out" 2>&1; then fail "4 on 8 partitions"; fi
grep -qi "partitions" "$work/four.out"

echo "-- without redis-server: how to get it"
mkdir "$work/bin"
if PATH=$work/bin "$program" up --port 0 --data "$work/none" > "$work/none.out" 2>&1; then fail "without Redis"; fi
grep -q "apt-get install redis-server" "$work/none.out"
