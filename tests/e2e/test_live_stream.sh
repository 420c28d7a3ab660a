#!/usr/bin/env bash
# GET /api/stream over what real workers write: two serves, a worker, a Redis of their own, each of them killed in the
# middle; real curl as the reader. What a reader is sent over all its connections is compared with the change feeds.
# Usage: test_live_stream.sh PROGRAM
set -euo pipefail
bl=$1
# shellcheck source=../support/e2e.sh
. "$(dirname "$0")/../support/e2e.sh"

sock=$work/redis.sock
port=$(free_port 2)
one=http://127.0.0.1:$port two=http://127.0.0.1:$((port + 1))

start_redis() {
    redis-server --port 0 --unixsocket "$sock" --dir "$work" --save '' --appendonly yes --appendfsync always \
        --maxmemory-policy noeviction >> "$work/redis.out" &
    redis=$!
    started+=("$redis")
    eventually 20 redis-cli -s "$sock" ping
}
# Somebody who waits is another pattern, which would come in between.
printf 'rules:\n  hesitation:\n    enabled: false\n' > "$work/rules.yaml"
start_worker() {
    "$bl" worker --config "$work/rules.yaml" --redis "unix://$sock" --durability none 2>> "$work/worker.err" &
    worker=$!
    started+=("$worker")
}
# start_serve OFFSET: its pid is in serve[OFFSET]
serve=(0 0)
start_serve() {
    "$bl" serve --redis "unix://$sock" --durability none --port $((port + $1)) --stream-clients 205 2>> "$work/serve$1.err" &
    serve[$1]=$!
    started+=("$!")
    eventually 20 curl -fsS "http://127.0.0.1:$((port + $1))/health"
}
stop_hard() { kill -9 "$1" && wait "$1" 2> /dev/null || true; }

# watch NAME URL [CURL OPTIONS]: a reader, whose pid is in $reader
watch() {
    curl -sN "${@:3}" "$2" > "$work/$1.sse" 2> /dev/null &
    reader=$!
    started+=("$reader")
}
# changes FILE...: "change pattern_id" of whole events; what a connection was cut off in ends with its file
changes() { awk 'FNR == 1 { d = "" } /^data: \{"change"/ { d = substr($0, 7) } /^$/ { if (d != "") print d; d = "" }' "$@" | jq -r '.change + " " + .pattern.pattern_id'; }
# last_id FILE: of the last whole event
last_id() { awk '/^id: / { id = substr($0, 5) } /^$/ { whole = id } END { print whole }' "$1"; }
count() { changes "$work/$1.sse" | wc -l; }
has() { [ "$(count "$1")" -ge "$2" ]; }
feeds() { for p in 0 1 2 3 4 5 6 7; do redis-cli -s "$sock" --json XRANGE "bl:{dev:$p}:changes" - + | jq -r '.[][1] | if type == "object" then .change + " " + .pattern_id else .[1] + " " + .[3] end'; done; }
# What the parts hold together is what the feeds hold: nothing twice, nothing left out.
same() { [ "$(changes "$@" | sort)" = "$(feeds | sort)" ]; }
# loops FROM TO [PAGE]: users who come back to a page twice: a pattern each
loops() {
    awk -v from="$1" -v to="$2" -v page="${3:-/shoes}" 'BEGIN { for (i = from; i < to; i++) for (k = 0; k < 3; k++)
        printf "{\"user_id\":\"u%d\",\"action\":\"page_view\",\"page\":\"%s\",\"event_id\":\"e%d\"}\n", i, page, k }' > "$work/batch"
    eventually 20 curl -fsS --max-time 5 "$alive/events/batch" -H 'Content-Type: application/x-ndjson' --data-binary "@$work/batch"
}

start_redis
start_worker
start_serve 0
start_serve 1
eventually 20 curl -fsS "$one/ready"
eventually 20 curl -fsS "$two/ready"
alive=$one

# --- two processes tell the same, each event with an id; stats come at once, and a heartbeat
watch a "$one/api/stream"
watch b "$two/api/stream"
eventually 10 grep '^event: stats' "$work/a.sse"
eventually 10 grep '^event: stats' "$work/b.sse"
loops 0 20
eventually 20 has a 20
eventually 20 has b 20
eventually 10 same "$work/a.sse"
eventually 10 same "$work/b.sse"
[ "$(grep -c '^event: ' "$work/a.sse")" = "$(grep -c '^id: ' "$work/a.sse")" ] || fail "an event without an id"
eventually 20 grep '^: ' "$work/a.sse"
grep '^retry: ' "$work/a.sse" > /dev/null || fail "retry"

# --- filters; bad values
watch filtered "$one/api/stream?type=navigation-loop&user_id=u25&severity=medium&page=/shoes"
eventually 10 grep '^event: stats' "$work/filtered.sse"
loops 20 30
eventually 20 has a 30
eventually 20 has filtered 1
[ "$(count filtered)" = 1 ] || fail "a filter lets others through"
for bad in type=loop severity=worst 'user_id=%01' "page=%01"; do
    [ "$(curl -s -o "$work/answer" -w '%{http_code}' "$one/api/stream?$bad")" = 400 ] || fail "$bad is taken"
    jq -e '.error.code == "invalid_query"' "$work/answer" > /dev/null || fail "$bad"
done

curl -fsSI -m 10 "$one/api/stream" | grep -i '^content-type: text/event-stream' > /dev/null || fail "HEAD"

# --- one reader over many connections, while everything dies once: nothing twice, nothing left out
parts=("$work/a.sse")
hop() { # hop NAME URL: goes on where the last part ended
    watch "$1" "$2/api/stream" -H "Last-Event-ID: $(last_id "${parts[-1]}")"
    parts+=("$work/$1.sse")
}
kill "$reader" 2> /dev/null || true
stop_hard "${serve[0]}"
alive=$two
loops 30 60
hop h1 "$two"
eventually 20 has h1 30
stop_hard "$worker"
loops 60 90
start_worker
start_serve 0
loops 90 100
eventually 20 has h1 50
stop_hard "${serve[1]}"
alive=$one
loops 100 130
hop h2 "$one"
eventually 20 has h2 10
start_serve 1
loops 130 150
eventually 20 has h2 $((150 - $(changes "${parts[@]:0:2}" | wc -l)))
eventually 10 same "${parts[@]}"
! grep '^event: reset' "${parts[@]}" > /dev/null || fail "a reset without need"
# The same by query; from the very first id everything comes.
first=$(awk '/^id: / { print substr($0, 5); exit }' "$work/a.sse")
watch again "$two/api/stream?last_event_id=$first"
eventually 20 has again 150
eventually 10 same "$work/again.sse"

# --- Redis goes and comes back: the stream stays, says so, and goes on without a gap
eventually 10 grep '^event: stats' "$work/again.sse"
kill "$redis" && wait "$redis" || true
eventually 10 grep '"store":"down"' "$work/again.sse"
start_redis
eventually 20 grep '"store":"up"' "$work/again.sse"
alive=$two
loops 150 170
eventually 30 has again 170
eventually 10 same "$work/again.sse"
! grep '^event: reset' "$work/again.sse" > /dev/null || fail "a reset after Redis came back"

# --- what is too old, or no id of ours, leads to a reset, and live events follow
for p in 0 1 2 3 4 5 6 7; do redis-cli -s "$sock" XTRIM "bl:{dev:$p}:changes" MAXLEN 1 > /dev/null; done
watch old "$two/api/stream" -H "Last-Event-ID: $first"
watch junk "$one/api/stream" -H "Last-Event-ID: hello"
eventually 10 grep '^event: reset' "$work/old.sse"
eventually 10 grep '^event: reset' "$work/junk.sse"
loops 170 171
eventually 20 has old 1
eventually 20 has junk 1
[ "$(count old)" = 1 ] || fail "changes besides the reset"

# --- somebody empties Redis: what was known counts no more, and what comes is told
redis-cli -s "$sock" FLUSHALL > /dev/null
again() { [ "$(grep -c '^event: reset' "$work/old.sse")" -ge 2 ]; }
eventually 20 again
owned() { [ "$(redis-cli -s "$sock" --raw KEYS 'bl:{dev:*}:lease' | wc -l)" = 8 ]; }
eventually 20 owned
loops 171 172
eventually 20 has old 2

# --- two hundred readers; no more than are allowed
curl -sNZ --parallel-immediate --parallel-max 200 "$two/api/stream?n=[1-200]" -o "$work/many#1.sse" 2> /dev/null &
crowd=$!
started+=("$crowd")
all_have() { [ "$(cat "$work"/many*.sse | grep -c "$1")" -ge 200 ]; }
eventually 30 all_have '^event: stats'
loops 172 174
eventually 30 all_have '"user_id":"u172"'
eventually 30 all_have '"user_id":"u173"'
for i in 1 2 3 4 5; do watch "extra$i" "$two/api/stream"; done
full() { [ "$(curl -s -m 2 -o "$work/answer" -D "$work/head" -w '%{http_code}' "$two/api/stream")" = 503 ]; }
eventually 10 full
jq -e '.error.code == "too_many_streams"' "$work/answer" > /dev/null || fail "the 503 of too many"
grep -i '^retry-after: ' "$work/head" > /dev/null || fail "Retry-After"
kill "$crowd" && wait "$crowd" || true

# --- a reader who does not read is dropped; the others go on
metric() { curl -fsS "$one/metrics" | awk -v m="behaviorlens_process_$1{" 'index($0, m) { n += $NF } END { print n + 0 }'; }
long=/$(printf 'x%.0s' $(seq 2000))
curl -sN --limit-rate 100 "$one/api/stream" > "$work/slow.sse" 2> /dev/null &
slow=$!
started+=("$slow")
watch quick "$one/api/stream"
eventually 10 grep '^event: stats' "$work/quick.sse"
eventually 10 grep '^retry' "$work/slow.sse"
dropped() { [ "$(metric stream_slow_readers_total)" -ge 1 ]; }
at=1000
until dropped; do
    [ $at -lt 4000 ] || fail "the slow reader is still there"
    loops $at $((at + 100)) "$long"
    at=$((at + 100))
done
# On a busy machine the quick one may have been too slow as well: then it does what a browser does, and comes back.
parts=("$work/quick.sse")
has_all() {
    kill -0 "$reader" 2> /dev/null || hop "quick${#parts[@]}" "$one"
    [ "$(changes "${parts[@]}" | wc -l)" -ge $((at - 1000)) ]
}
eventually 30 has_all
[ "$(changes "${parts[@]}" | sort | uniq -d | wc -l)" = 0 ] || fail "a double for the quick one"
kill "$slow" 2> /dev/null || true

# --- the end of a process is the regular end of its streams
kill "${serve[0]}"
wait "${serve[0]}" || fail "serve did not end cleanly with streams open"
wait "$reader" || fail "the stream was not ended regularly"
echo "ok"
