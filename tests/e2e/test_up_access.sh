#!/usr/bin/env bash
# Keys under `up`: none, and it listens on loopback alone; made while it runs, and its shoppers go on; its servers get keys
# by the environment, nobody else does.
# usage: test_up_access.sh PATH_TO_BEHAVIORLENS
set -euo pipefail
bl=$1
# shellcheck source=tests/support/e2e.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

running() { grep 'BehaviorLens is running' "$work/up.out"; }
# start ARGS...: up, until it runs; $url
start() {
    rm -f "$work/up.out"
    "$bl" up --data "$work/data" --port 0 "$@" > "$work/up.out" 2> "$work/up.err" &
    up=$!
    started+=("$up")
    eventually 30 running
    url=$(sed -n 's/^ *Dashboard *\(.*\)\/$/\1/p' "$work/up.out")
}
stop() {
    kill -TERM "$up"
    wait "$up" || fail "up did not stop cleanly"
}
key() { "$bl" key "$@" --data "$work/data"; }
status() { curl -sS -o "$work/body" -w '%{http_code}' "$@"; }
answers() { [ "$(status "${@:2}")" = "$1" ]; }
turned_away() { # TEXT ARGS...
    local text=$1
    shift
    ! "$bl" up --data "$work/data" --port 0 "$@" > "$work/no.out" 2> "$work/no.err" || fail "up $* runs"
    grep -F -e "$text" "$work/no.err" > /dev/null || fail "up $*: wanted \"$text\", got: $(cat "$work/no.err")"
}

echo "-- without keys: not on all addresses"
turned_away 'key create --kind admin' --listen 0.0.0.0
turned_away 'keys-file' --keys-file "$work/nowhere"
refused_alone() { ! grep -v 'behaviorlens up: ' "$work/no.err"; }
refused_alone || fail "more than one sentence: $(cat "$work/no.err")"
! "$bl" key list --data "$work/data" 2> "$work/no.err" || fail "keys of an up that does not run"

echo "-- keys come while it runs: all are asked, its shoppers go on"
start --demo --users 5 --rate 50
total() { curl -fsS "$url/api/metrics" "$@" | jq .total_events; }
some() { [ "$(total)" -gt 0 ]; }
eventually 30 some
admin=$(key create --kind admin --name me --json | jq -r .token)
eventually 5 answers 401 "$url/api/metrics"
eventually 5 answers 200 "$url/api/metrics" -u "$admin:"
before=$(total -u "$admin:")
more() { [ "$(total -u "$admin:")" -gt $((before + 20)) ]; }
eventually 30 more
[ "$(key list --json | jq length)" = 1 ] || fail "the shoppers' key is among them: $(key list)"

echo "-- who has what in its environment, and none in its arguments"
stop
secret=$(openssl rand -hex 24)
export BL_KEYS="read:$secret"
start --listen 0.0.0.0
unset BL_KEYS
eventually 5 answers 200 "$url/api/metrics" -u "$secret:"
eventually 5 answers 200 "$url/api/metrics" -u "$admin:"
answers 403 "$url/events" -d '{}' -u "$secret:" || fail "a reader sends events"
children=0
while read -r child; do
    role=$(tr '\0' '\n' < "/proc/$child/cmdline" | sed -n 2p)
    ! tr '\0' '\n' < "/proc/$child/cmdline" | grep -F -e "$secret" -e blw_ > /dev/null || fail "a key among the arguments of $role"
    has=no
    ! tr '\0' '\n' < "/proc/$child/environ" | grep -F "$secret" > /dev/null || has=yes
    case $role in serve) wanted=yes children=$((children + 1)) ;; *) wanted=no ;; esac
    [ "$has" = "$wanted" ] || fail "the keys in the environment of $role: $has"
done < <(pgrep -P "$up")
[ "$children" -gt 0 ] || fail "no server was looked at"
! grep -r -F -l "$secret" "$work/data" "$work/up.err" "$work/up.out" || fail "a secret on disk"
stop
