#!/usr/bin/env bash
# A model's words, over the whole path: serve, worker, explain, and a peer in the model's place that behaves as its
# base URL says. What is sent names nobody; what comes back is on the API; whatever goes wrong, the template stays.
# Usage: test_explain.sh PROGRAM PEER
set -euo pipefail
bl=$1 peer_program=$2
# shellcheck source=../support/e2e.sh
. "$(dirname "$0")/../support/e2e.sh"

redis=unix://$work/redis.sock
key=sk-test-very-secret-0815
cli() { redis-cli -s "$work/redis.sock" "$@"; }
redis-server --port 0 --unixsocket "$work/redis.sock" --dir "$work" --save '' --maxmemory-policy noeviction > "$work/redis.out" &
started+=($!)
eventually 10 cli ping

# The peer ends with its standard input.
mkfifo "$work/hold"
sleep 600 > "$work/hold" &
started+=($!)
"$peer_program" "$work/requests" < "$work/hold" > "$work/peer.port" &
started+=($!)
eventually 10 test -s "$work/peer.port"
model=http://127.0.0.1:$(cat "$work/peer.port")

"$bl" worker --redis "$redis" --durability none 2> "$work/worker.err" &
started+=($!)
"$bl" serve --redis "$redis" --durability none --port 0 2> "$work/serve.err" &
started+=($!)
eventually 10 grep '"listening"' "$work/serve.err"
url=http://127.0.0.1:$(jq -r 'select(.message == "listening") | .port' "$work/serve.err")
eventually 10 curl -fsS "$url/ready"

# explain MODE [OPTIONS]: in the background; its pid in $explain
explain() {
    local mode=$1
    shift
    ANTHROPIC_API_KEY=$key "$bl" explain --redis "$redis" --durability none --explain-url "$model/$mode/" \
        --explain-allow-http --explain-allow-private --explain-types navigation-loop,rage-click "$@" 2> "$work/explain-$mode.err" &
    explain=$!
    started+=("$explain")
}
end() {
    kill -TERM "$explain"
    eventually 5 gone "$explain"
    wait "$explain" || fail "explain ended with $?: $1"
}
# looper USER [PAGE]: a loop, and with it what must never leave the house
looper() {
    for _ in 1 2 3; do
        curl -fsS "$url/events" -d "{\"user_id\":\"$1\",\"session_id\":\"$1-session\",\"action\":\"page_view\",\"page\":\"${2:-/shoes/red}?token=q-secret\",\"metadata\":{\"note\":\"meta-secret\",\"target\":\"target-secret\"}}" > /dev/null
    done
}
clicker() {
    for _ in 1 2 3 4; do
        curl -fsS "$url/events" -d "{\"user_id\":\"$1\",\"action\":\"click\",\"page\":\"/pay\",\"metadata\":{\"target\":\"target-secret\"}}" > /dev/null
    done
}
is() { curl -fsS "$url$1" | jq -e "$2" > /dev/null; }
# counter NAME: the sum over all explain processes alive, on /metrics
counter() { curl -fsS "$url/metrics" | awk -v n="behaviorlens_process_$1{" 'index($0, n) == 1 && /role="explain"/ { s += $NF } END { print s + 0 }'; }
counted() { [ "$(counter "$1")" = "$2" ]; }
requests() { grep -c '^POST ' "$work/requests" || true; }

# What works.
explain ok
eventually 10 grep '"explaining"' "$work/explain-ok.err"
looper alice-user
eventually 15 is '/api/patterns?type=navigation-loop&user_id=alice-user' \
    '.[0].ai_explanation == "The shopper compared the page again and again. A size guide may help."'
is '/api/patterns?type=navigation-loop&user_id=alice-user' '.[0].explanation | startswith("User navigated to /shoes/red 3 times")' || fail "the template is gone"
clicker carol-user
eventually 15 is '/api/patterns?type=rage-click&user_id=carol-user' '.[0].ai_explanation != null'
eventually 5 counted explanations_written_total 2

# What was sent.
grep '^POST /ok/v1/messages HTTP/1.1' "$work/requests" > /dev/null || fail "the path"
grep -i "^x-api-key: $key" "$work/requests" > /dev/null || fail "the key"
grep -i '^anthropic-version: 2023-06-01' "$work/requests" > /dev/null || fail "the version"
for secret in alice-user carol-user alice-user-session meta-secret target-secret q-secret '"note"' 'user_id' 'session_id' 'metadata'; do
    ! grep -- "$secret" "$work/requests" > /dev/null || fail "$secret was sent"
done
awk '/^\{/' "$work/requests" | jq -e -s 'all(.max_tokens < 500 and (.system | contains("two")) and .model != "")
    and (map(.messages[0].content | fromjson) | (.[0].page == "/shoes/red" and .[0].severity == "medium"
         and (.[0].events | length) == 3 and all(.[0].events[]; keys == ["action", "page", "t"]))
         and (.[1].sentence == "User clicked an element 4 times in rapid succession on /pay."))' > /dev/null || fail "the question"
eventually 5 counted model_calls_total 2

# A restart asks nothing twice.
end "after its work"
explain ok2
eventually 10 grep '"explaining"' "$work/explain-ok2.err"
looper bob-user
eventually 15 is '/api/patterns?type=navigation-loop&user_id=bob-user' '.[0].ai_explanation != null'
[ "$(requests)" = 3 ] || fail "$(requests) requests for 3 patterns"

# Nor does a pattern that is raised before it was asked about.
jq -nc '[range(8) | {user_id: "dave-user", action: "click", page: "/pay", metadata: {target: "pay"}}]' |
    curl -fsS "$url/events/batch" -H 'Content-Type: application/json' -d @- > /dev/null
eventually 15 is '/api/patterns?type=rage-click&user_id=dave-user' '.[0].severity == "high" and .[0].ai_explanation != null'
eventually 5 counted explanations_skipped_already_total 1
[ "$(requests)" = 4 ] || fail "$(requests) requests for 4 patterns"
end "the second time"

# What goes wrong: the template stays, the reason is counted, nothing is asked for ever.
# wrong MODE COUNTER [CALLS [TIMEOUT]]: only who waits for nothing waits so short that a busy machine could be too slow as well
wrong() {
    local before
    before=$(requests)
    explain "$1" --explain-timeout "${4:-20s}"
    looper "user-$1"
    eventually 30 counted "explanations_failed_$2_total" 1
    is "/api/patterns?type=navigation-loop&user_id=user-$1" '.[0].explanation != null and (.[0] | has("ai_explanation") | not)' || fail "$1: the template"
    [ $(($(requests) - before)) = "${3:-1}" ] || fail "$1: $(($(requests) - before)) calls"
    end "$1"
}
wrong notjson answer
wrong wrongshape answer
wrong badutf8 answer
wrong emptylist answer
wrong blank answer
wrong bad refused
wrong redirect refused
grep '"result":"redirected","status":302' "$work/explain-redirect.err" > /dev/null || fail "a redirect is named otherwise: $(cat "$work/explain-redirect.err")"
wrong unauthorized key
grep 'check ANTHROPIC_API_KEY' "$work/explain-unauthorized.err" > /dev/null || fail "what to do about a 401"
wrong broken server 3
wrong limited limited 3
wrong silent timeout 3 300ms
wrong drip timeout 3 300ms
wrong midway unreached 3
wrong flood unreached 3

# After a 401 it is quiet: another pattern is not even asked about.
explain unauthorized
looper quiet-one
eventually 15 counted explanations_failed_key_total 1
before=$(requests)
looper quiet-two
eventually 10 counted model_paused 1
eventually 10 is '/api/patterns?type=navigation-loop&user_id=quiet-two' 'length == 1'
[ "$(requests)" = "$before" ] || fail "a call in spite of the pause"
end "in a pause"

# Dirt in an answer, and too much of it.
explain dirty
looper user-dirty
eventually 15 is '/api/patterns?type=navigation-loop&user_id=user-dirty' '.[0].ai_explanation == "They left alert(1) the page after a while."'
end dirty
explain long
looper user-long
eventually 15 is '/api/patterns?type=navigation-loop&user_id=user-long' '.[0].ai_explanation == "One sentence about 3.5 pages. Two sentences."'
end long
explain endless
looper user-endless
eventually 15 is '/api/patterns?type=navigation-loop&user_id=user-endless' '.[0].ai_explanation | length > 100 and utf8bytelength <= 400'
end endless

# At most N calls a minute.
before=$(requests)
explain ok3 --explain-calls 2
for u in 1 2 3 4; do looper "many-$u"; done
eventually 15 counted explanations_written_total 2
eventually 10 is '/api/patterns?type=navigation-loop&user_id=many-4' 'length == 1'
[ $(($(requests) - before)) = 2 ] || fail "$(($(requests) - before)) calls, 2 are allowed"
end "at its limit"

# What is old is passed over; what is not to be explained too.
for u in 1 2 3 4; do looper "aged-$u"; done
eventually 10 is '/api/patterns?type=navigation-loop&user_id=aged-4' 'length == 1'
sleep 1.2
before=$(requests)
explain ok4 --explain-max-age 1s --explain-types navigation-loop
eventually 15 eval '[ "$(counter explanations_skipped_old_total)" -ge 4 ]'
clicker user-other-type
eventually 15 eval '[ "$(counter explanations_skipped_filtered_total)" -ge 1 ]'
[ "$(requests)" = "$before" ] || fail "an old pattern was asked about"
end "with a backlog"

# kill -9 in the middle of a call: the template is there, and the next process does what was left.
explain silent --explain-timeout 60s
looper killed-user /killed
eventually 20 grep '/killed' "$work/requests"
kill -9 "$explain"
is '/api/patterns?type=navigation-loop&user_id=killed-user' '.[0].explanation != null' || fail "the template is lost"
explain ok5
eventually 30 is '/api/patterns?type=navigation-loop&user_id=killed-user' '.[0].ai_explanation != null'
eventually 5 eval '[ "$(counter changes_taken_over_total)" -ge 1 ]'
# SIGTERM in the middle of a call
end "after a takeover"
explain silent --explain-timeout 60s
looper ended-user /ended
eventually 20 grep '/ended' "$work/requests"
end "in the middle of a call"

# The key is in no log, no file of Redis' and no list of processes.
! grep -r -- "$key" "$work"/*.err "$work"/*.out || fail "the key is in a log"
for p in $(cli --scan); do
    ! cli --raw dump "$p" 2> /dev/null | grep -a -- "$key" > /dev/null || fail "the key is in $p"
done

# Without a key, with a wrong URL: a sentence.
env -u ANTHROPIC_API_KEY "$bl" explain --redis "$redis" 2> "$work/none.err" && fail "started without a key"
grep 'set ANTHROPIC_API_KEY' "$work/none.err" > /dev/null || fail "no word about the key"
ANTHROPIC_API_KEY=$key "$bl" explain --redis "$redis" --explain-url "$model" 2> "$work/http.err" && fail "plain http"
grep 'plain HTTP' "$work/http.err" > /dev/null || fail "no word about http"
# `up` starts one if there is a key, and gives the key to no other child.
ANTHROPIC_API_KEY=$key "$bl" up --data "$work/data" --port 0 --durability none --log-level info \
    --explain-url "$model/ok" --explain-allow-http --explain-allow-private > "$work/up.out" 2> "$work/up.err" &
up=$!
started+=("$up")
eventually 30 grep 'Ctrl-C stops it' "$work/up.out"
url=$(awk '/ POST / { sub("/events$", "", $3); print $3 }' "$work/up.out")
looper up-user
eventually 20 is '/api/patterns?type=navigation-loop&user_id=up-user' '.[0].ai_explanation != null'
holders=0
for child in $(cat "/proc/$up/task/$up/children"); do
    ! tr '\0' '\n' < "/proc/$child/environ" | grep -- "$key" > /dev/null || holders=$((holders + 1))
    ! tr '\0' '\n' < "/proc/$child/cmdline" | grep -- "$key" > /dev/null || fail "the key is in a command line"
done
[ "$holders" = 1 ] || fail "$holders children have the key"
kill -TERM "$up"
eventually 15 gone "$up"
! grep -r -- "$key" "$work"/*.err "$work"/*.out "$work/data" || fail "the key is in a log of up"
echo ok
