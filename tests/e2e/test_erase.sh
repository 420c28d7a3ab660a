#!/usr/bin/env bash
# A user is erased, while events of others go on: real Redis with its files on disk, two serves, three workers, eight
# partitions. First what the calls say, and that nothing of the user comes back; then that, once the stream is trimmed
# and the files are rewritten, the user's id stands in no file of Redis, however it may be written.
# Usage: test_erase.sh PROGRAM
set -euo pipefail
bl=$1
# shellcheck source=../support/e2e.sh
. "$(dirname "$0")/../support/e2e.sh"

sock=$work/redis.sock data=$work/data
port=$(free_port 2)
one=http://127.0.0.1:$port two=http://127.0.0.1:$((port + 1))
# What must be escaped in JSON, in key names and in paths; and is in no other name.
id='zoë/"9F3a-erase me"'
path=$(printf %s "$id" | jq -sRr @uri)
mkdir "$data"

cli() { redis-cli -s "$sock" "$@"; }
start_redis() {
    redis-server --port 0 --unixsocket "$sock" --dir "$data" --appendonly yes --appendfsync always --save '' \
        --maxmemory-policy noeviction --logfile "$data/redis.log" &
    started+=("$!")
    eventually 20 cli ping
}
serve=(0 0)
start_serve() {
    "$bl" serve --redis "unix://$sock" --durability always --port $((port + $1)) 2>> "$work/serve$1.err" &
    serve[$1]=$!
    started+=("$!")
    eventually 20 curl -fsS "http://127.0.0.1:$((port + $1))/health"
}
start_worker() {
    "$bl" worker --redis "unix://$sock" --durability always --stream-retention 2s 2>> "$work/worker.err" &
    worker=$!
    started+=("$worker")
}
ready() { [ "$(curl -s -o "$work/ready" -w '%{http_code}' "$one/ready")" = 200 ]; }
# post URL BODY: the status; the answer is in $work/answer
post() { curl -sS -o "$work/answer" -w '%{http_code}' -H 'Content-Type: application/json' "$1" --data-binary "$2"; }
call() { curl -sS -o "$work/answer" -w '%{http_code}' "$@"; }
is() { jq -e "$1" < "$work/answer" > /dev/null; }
asked() { call "$1" > /dev/null && is "$2"; }
event() { jq -nc --arg u "$1" --arg a "$2" --arg p "$3" '{user_id: $u, action: $a, page: $p, metadata: {target: "buy"}}'; }
send() { [ "$(post "$one/events" "$(event "$@")")" = 202 ] || fail "an event of $1 is not taken: $(cat "$work/answer")"; }

# browse USER: a loop, a rage click, a running attempt
browse() {
    local action
    for action in page_view page_view page_view click click click click; do send "$1" $action /shoes; done
    send "$1" page_view /checkout
}

start_redis
start_serve 0
start_serve 1
start_worker
start_worker
start_worker
eventually 20 ready

curl -sN "$one/api/stream" > "$work/stream" 2> /dev/null &
started+=("$!")
for user in "$id" other-1 other-2 other-3; do browse "$user"; done
eventually 20 asked "$one/api/user?id=$path" '.open_patterns | length > 0'
eventually 20 asked "$one/api/patterns?user_id=$path" 'length >= 2'
for user in "$path" other-1 other-2 other-3; do
    eventually 20 asked "$one/api/patterns?user_id=$user" 'length >= 2'
    eventually 20 asked "$one/api/events?user_id=$user" 'length == 8'
done
pattern=$(curl -fsS "$one/api/patterns?user_id=$path" | jq -r '.[0].pattern_id')
# Rejected events of the user, and an entry that nobody can read.
[ "$(post "$one/events" "$(event "$id" dance /x)")" = 400 ] || fail "a dance is taken"
[ "$(post "$one/events" "$(event other-1 dance /x)")" = 400 ] || fail "a dance is taken"
# Ids of which redaction leaves nothing that could be compared.
masked=('?a=b#c-Zqc' '<b>&-Zqb' 'a-visitor-with-more-than-sixty-four-bytes-in-the-id-that-a-site-made-Zqd')
for user in "${masked[@]}"; do
    [ "$(post "$one/events" "$(event "$user" dance /x)")" = 400 ] || fail "a dance is taken"
    [ "$(post "$one/events/batch" "[$(event "$user" click /x),")" = 400 ] || fail "half a body is taken"
done
eventually 10 asked "$one/api/bad-events" 'length == 8 and all(keys == ["at", "event", "field", "id", "message", "reason"])'
! grep -F -e Zq "$work/answer" > /dev/null || fail "these ids do not test redaction: $(cat "$work/answer")"
asked_to_erase() { [ "$(call -X DELETE "$one/api/user?id=$(printf %s "$1" | jq -sRr @uri)")" = 200 ]; }
for user in "${masked[@]}"; do
    eventually 5 asked_to_erase "$user"
done
eventually 20 asked "$one/api/bad-events" 'length == 2'
p=$(cli --scan --pattern 'bl:{dev:*}:patterns:user:*' | grep -F "$path" | sed 's/.*dev:\([0-9]*\)}.*/\1/')
cli XADD "bl:{dev:$p}:events" '*' events "{\"user_id\":$(jq -nc --arg u "$id" '$u'),\"act" > /dev/null
quarantine() { [ "$(cli XLEN "bl:{dev:$p}:quarantine")" = "$1" ]; }
eventually 20 quarantine 1

# ---- nobody knows somebody who was not erased
[ "$(call "$one/api/users/$path/erasure")" = 404 ] || fail "an erasure without one"

# ---- the erasure; who is answered 202, for the worker took its time, asks again
erased() { [ "$(call -X DELETE "$1")" = 200 ]; }
eventually 5 erased "$one/api/users/$path"
is '.erased and (.user | length == 32) and .at > 0' || fail "the report: $(cat "$work/answer")"
is '.removed.patterns >= 2 and .removed.recent_events >= 8 and (.pending.worker | not)' || fail "removed: $(cat "$work/answer")"
is '.pending.stream and .pending.stream_until > .at' || fail "pending: $(cat "$work/answer")"
! grep -F "zo" "$work/answer" > /dev/null || fail "the report names the user"
hash=$(jq -r .user < "$work/answer")

[ "$(call "$one/api/user?id=$path")" = 404 ] || fail "there is a user: $(cat "$work/answer")"
asked "$one/api/patterns?user_id=$path" 'length == 0' || fail "there are patterns"
[ "$(call "$one/api/patterns/$pattern")" = 404 ] || fail "there is a pattern"
asked "$one/api/events?user_id=$path" 'length == 0' || fail "there are recent events"
asked "$one/api/events?user_id=other-1" 'length == 8' || fail "events of others are gone: $(cat "$work/answer")"
asked "$one/api/patterns?user_id=other-1" 'length >= 2' || fail "patterns of others are gone"
! cli --scan --pattern 'bl:*' | grep -F "$path" || fail "there are keys of the user"
has_erased() { grep -A1 '^event: erased' "$work/stream" | grep -F "$pattern" > /dev/null; }
eventually 10 has_erased
# Open patterns are counted: those of the others, of whom one may come or go between the two looks.
open() { for q in 0 1 2 3 4 5 6 7; do cli ZCARD "bl:{dev:$q}:patterns:open"; done | awk '{ n += $1 } END { print n }'; }
counted() { for q in 0 1 2 3 4 5 6 7; do cli HGET "bl:{dev:$q}:counters" open; done | awk '{ n += $1 } END { print n }'; }
open_are_counted() { [ "$(open)" = "$(counted)" ]; }
eventually 5 open_are_counted

# ---- nothing comes back, whichever process is asked
refuses() { [ "$(post "$1/events" "$(event "$id" click /shoes)")" = 410 ] && is '.error.code == "user_erased"'; }
eventually 10 refuses "$one"
eventually 10 refuses "$two"
batch="{\"events\":[$(event other-1 click /a),$(event "$id" click /a),$(event other-2 click /b)]}"
[ "$(post "$two/events/batch" "$batch")" = 207 ] || fail "the batch: $(cat "$work/answer")"
is '.accepted == 2 and .errors[0].index == 1 and .errors[0].error.code == "user_erased"' || fail "the batch: $(cat "$work/answer")"
[ "$(post "$one/events" "$(event "$id" dance /x)")" = 400 ] || fail "a dance is taken"

# ---- bad events and what was set aside
eventually 20 asked "$one/api/bad-events" 'length == 1 and (.[0].event | contains("other-1"))'
eventually 20 quarantine 0
eventually 30 asked "$one/api/users/$path/erasure" '(.pending.bad_events | not) and .removed.bad_events == 1 and .removed.quarantined == 1'

# ---- an event that entered the stream before serve knew is dropped by the worker
before=$(cli HGET "bl:{dev:$p}:counters" erased)
cli XADD "bl:{dev:$p}:events" '*' events "$(event "$id" click /late | jq -c '. + {event_id: "raced"}')" > /dev/null
dropped() { [ "$(cli HGET "bl:{dev:$p}:counters" erased)" -gt "${before:-0}" ]; }
eventually 20 dropped

# ---- erased again, it is the same report, and nothing is written
length=$(cli XLEN bl:dev:audit)
[ "$(call -X DELETE "$two/api/user?id=$path")" = 200 ] && is ".erased and .user == \"$hash\"" || fail "again: $(cat "$work/answer")"
[ "$(cli XLEN bl:dev:audit)" = "$length" ] || fail "an erasure that stands is audited again"
cli XRANGE bl:dev:audit - + > "$work/audit"
grep -x erase "$work/audit" > /dev/null && grep -x "$hash" "$work/audit" > /dev/null || fail "the audit trail: $(cat "$work/audit")"

# ---- a user nobody has seen can be erased as well: what is to come is refused
[ "$(call -X DELETE "$one/api/users/nobody-yet")" = 200 ] && is '.removed.patterns == 0' || fail "nobody: $(cat "$work/answer")"
nobody() { [ "$(post "$one/events" "$(event nobody-yet click /a)")" = 410 ]; }
nobody || fail "who answers that somebody is erased takes an event of theirs: $(cat "$work/answer")"
# ---- the way back
[ "$(call -X DELETE "$one/api/users/nobody-yet/tombstone")" = 200 ] && is '.erased | not' || fail "not back: $(cat "$work/answer")"
back() { [ "$(post "$one/events" "$(event nobody-yet click /a)")" = 202 ]; }
eventually 10 back
eventually 10 asked "$one/api/events?user_id=nobody-yet" 'length >= 1'

# ---- workers and serves that come anew know it
kill -9 "${serve[1]}" && wait "${serve[1]}" 2> /dev/null || true
start_serve 1
eventually 20 refuses "$two"

# ---- the files: once the stream is trimmed and they are rewritten, nothing of it is left. The raced event of above closes
# its node only with what follows, so the site goes on for a while, quietly.
trimmed() {
    curl -fsS "$one/events" -H 'Content-Type: application/json' -d "$(event other-1 scroll /a)" > /dev/null
    [ "$(call "$one/api/users/$path/erasure")" = 200 ] && is '.pending.stream | not'
}
eventually 60 trimmed
rewritten() { cli INFO persistence | tr -d '\r' | grep -x 'aof_rewrite_in_progress:0' > /dev/null && cli INFO persistence | tr -d '\r' | grep -x 'rdb_bgsave_in_progress:0' > /dev/null; }
rewrite() {
    cli BGREWRITEAOF > /dev/null
    eventually 20 rewritten
    cli BGSAVE > /dev/null
    eventually 20 rewritten
}
# The id, and what it becomes in key names and in JSON; a part of it that no form changes.
names_it() { grep -raF -e "9F3a-erase" -e "$path" "$data" > "$work/found"; }
clean() { rewrite && ! names_it; }
rewrite
[ -s "$data/dump.rdb" ] || fail "no snapshot was written"
grep -raF "other-1" "$data" > /dev/null || fail "the files do not hold what they should: the search is worth nothing"
eventually 60 clean
! grep -F "9F3a-erase" "$work"/*.err || fail "a log names the user"
