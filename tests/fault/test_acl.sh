#!/usr/bin/env bash
# The whole system, each role under its own user of Redis (`inspect acl`), the user without a password switched off: all of it
# works, through a full memory, forgotten scripts, deaths and hand-overs, and Redis refuses nothing (ACL LOG). Whoever comes as
# another user is kept out of what is not theirs.
# All the while everything is logged at debug level, and hostile: each line is one JSON object of printable ASCII or UTF-8,
# without a secret, an address or a query of anybody.
# usage: test_acl.sh PATH_TO_BEHAVIORLENS PEER RECEIVER SOURCES
set -euo pipefail
bl=$1
peer=$2
receiver=$3
sources=$4
# shellcheck source=tests/support/processes.sh
. "$(dirname "$0")/../support/processes.sh"
# shellcheck source=tests/support/alerts.sh
. "$(dirname "$0")/../support/alerts.sh"
export HOOK_SECRET=hook-secret-4711
env=dev

# --- the table of users in the README
"$bl" inspect acl | sed -n 's/^# \([a-z]*\): \(.*\)/| `\1` | \2 |/p' >"$dir/rows"
[ "$(wc -l <"$dir/rows")" -ge 7 ] || fail "too few users"
while read -r row; do
  grep -F -- "$row" "$sources/README.md" >/dev/null || fail "the README has no: $row"
done <"$dir/rows"

# --- users, each with a secret that can be found again
"$bl" inspect acl | sed -n 's/^ACL SETUSER /user /p' | sed 's/>[A-Z]*/&-secret-0815/' >"$dir/users.acl"
sed 's/^user default.*/user default off ~* +@all/' -i "$dir/users.acl"
url_of() { echo "unix://$1:$(echo "$1" | tr '[:lower:]' '[:upper:]')-secret-0815@$dir/redis.sock"; }
cli() { REDISCLI_AUTH=OPERATOR-secret-0815 redis-cli -s "$dir/redis.sock" --user operator --raw "$@"; }
start_redis --appendonly yes --aclfile "$dir/users.acl"

# --- everybody
mkfifo "$dir/hold"
exec 8<>"$dir/hold"
"$peer" "$dir/asked" <&8 >"$dir/peer.port" &
pids+=($!)
start_receiver 0
until_true 10 test -s "$dir/peer.port" || fail "no peer"
settings <<'R' | sed '/^redis:/d; s/^durability: none/durability: everysec/' >"$dir/all.yaml"
each ok/each
R
role() { # ROLE ARGS...: under its user
  local name=$1
  shift
  BL_REDIS=$(url_of "$name") "$bl" "$name" --config "$dir/all.yaml" --log-level debug "$@" 2>>"$dir/$name.log" &
  pid=$!
  pids+=("$pid")
}
export ANTHROPIC_API_KEY=sk-secret-2342
role serve --port 0
until_true 20 grep '"listening"' "$dir/serve.log" || fail "serve does not listen"
url=http://127.0.0.1:$(jq -r 'select(.message == "listening") | .port' "$dir/serve.log")
role worker
first=$pid
role worker
second=$pid
role explain --explain-url "http://127.0.0.1:$(cat "$dir/peer.port")/ok/" --explain-allow-http --explain-allow-private
role alerts
until_true 20 curl -fsS "$url/ready" || fail "not ready: $(curl -sS "$url/ready")"
person() { BL_REDIS=$(url_of admin) "$bl" "$@" --env dev 2>>"$dir/person.log"; }

# --- what people and strangers send
post() { curl -sS -m 5 -o "$dir/answer" -w '%{http_code}' "$url$1" "${@:2}"; }
visit() { [ "$(post /events -d "{\"user_id\":\"$1\",\"action\":\"page_view\",\"page\":\"$2\"}")" = 202 ]; }
hostile() {
  local evil=$'line\\nbreak \\"quoted\\" \\u001b[31mred ip 203.0.113.99 key=query-secret-1'
  post "/events?key=query-secret-1" -d "{\"user_id\":\"evil $evil\",\"action\":\"page_view\",\"page\":\"/x\"}" >/dev/null
  post /events -d '{"user_id":"m","action":"page_view","page":"/x?token=query-secret-1","ip_address":"203.0.113.99","metadata":{"x":"\u0007 meta-secret-1"}}' >/dev/null
  post /events --data-binary $'{"user_id":"bad \xff\xfe utf","action":"page_view","page":"/x"}' >/dev/null
  post /events --data-binary $'\x1b[2J{"\n' >/dev/null
  post /events -H 'Authorization: Bearer header-secret-1' -H 'X-Forwarded-For: 203.0.113.99' -H $'User-Agent: \x1b[31m"x' -d '{"user_id":7}' >/dev/null
  post /events/batch -H 'Content-Type: application/x-ndjson' --data-binary $'{"user_id":"n","action":"nothing"}\n\x00\n' >/dev/null
  post /api/none%0a%22%1b?key=query-secret-1 -u "header-secret-1:" >/dev/null
  post $'/api/users/%ff%fe%0a%22' -H 'Cookie: bl=header-secret-1' >/dev/null
  printf 'GET /%s?key=query-secret-1 HTTP/1.1\r\nHost: \x1b[31m\r\n\r\n' $'\xff"\\' | timeout 5 bash -c "exec 3<>/dev/tcp/127.0.0.1/${url##*:}; cat >&3; head -c 12 <&3" >/dev/null || true
}
nothing_refused() {
  local log
  log=$(cli acl log 200)
  [ -z "$log" ] || fail "Redis refused: $log"
}
patterns() { curl -fsS "$url/api/patterns?user_id=$1" | jq -e '.[0]'; }
works() { # USER
  for _ in 1 2 3 4; do until_true 20 visit "$1" /p || fail "$2: nothing is taken: $(cat "$dir/answer")"; done
  until_true 20 patterns "$1" || fail "$2: nothing is detected"
}
hostile
works one "at first"
hook() { [ -n "$(got ok/each)" ]; }
until_true 20 hook || fail "no alert"
explained() { curl -fsS "$url/api/patterns?limit=500" | grep ai_explanation; }
until_true 20 explained || fail "nothing is explained"
id=$(curl -fsS "$url/api/patterns?user_id=one&limit=1" | jq -r '.[0].pattern_id')
curl -fsS -o /dev/null -X PATCH "$url/api/patterns/$id/resolve" || fail "resolve"
for path in $(jq -r '.paths | to_entries[] | select(.value.get) | .key' "$sources/dashboard/openapi.json"); do
  path=${path//\{id\}/one}
  case $path in
  /api/stream) timeout 1 curl -sN -o /dev/null "$url$path" || true ;;
  /api/user*) post "$path?id=one" >/dev/null ;;
  *) post "$path" >/dev/null ;;
  esac
done
post "/api/patterns/$id" >/dev/null

# --- a person's commands
printf 'rules:\n  hesitation: {low: 7s}\n' >"$dir/new.yaml"
person rules apply "$dir/new.yaml" >/dev/null || fail "rules apply: $(tail -n 2 "$dir/person.log")"
person rules history >/dev/null || fail "rules history"
for what in state lag leases workers users patterns metrics entries audit "user one" "pattern $id"; do
  # shellcheck disable=SC2086
  person inspect $what >/dev/null || fail "inspect $what: $(tail -n 2 "$dir/person.log")"
done
person replay --from-redis >/dev/null || fail "replay --from-redis: $(tail -n 2 "$dir/person.log")"
events 500 10 1 >"$dir/recorded"
"$bl" replay --workers 1 "$dir/recorded" --redis "$(url_of replay)" >"$dir/replayed" 2>>"$dir/person.log" ||
  fail "replay --redis: $(tail -n 3 "$dir/person.log")"

# --- what goes wrong
positions() { for p in 0 1 2 3; do cli hget "bl:{dev:$p}:position" committed_at_ms; done; }
visit deadline /wait || fail "nothing is taken"
cli config set maxmemory 1mb >/dev/null
before=$(positions)
advanced() { [ "$(positions)" != "$before" ]; }
until_true 30 advanced || fail "no commit over maxmemory"
cli config set maxmemory 0 >/dev/null
cli script flush >/dev/null
works two "after script flush"
kill -9 "$first"
works three "after a death"
role worker
kill -TERM "$second"
wait "$second" || fail "a worker did not stop cleanly"
works four "after a hand-over"
nothing_refused
kill -9 "$redis_pid"
wait "$redis_pid" 2>/dev/null || true
start_redis --appendonly yes --aclfile "$dir/users.acl"
until_true 20 curl -fsS "$url/ready" || fail "after a new Redis: $(curl -sS "$url/ready")"
works five "after a new Redis"

# --- keys, and what takes one
person key create --kind read --name a >"$dir/key" || fail "key create: $(tail -n 2 "$dir/person.log")"
person key list >/dev/null || fail "key list"
admin=$(person key create --kind admin --name b --json | jq -r .token) || fail "key create"
erase() { curl -sS -o "$dir/answer" -w '%{http_code}' -X DELETE "$url/api/users/one" -H "Authorization: Bearer $admin"; }
asked() { [ "$(post /api/metrics)" = 401 ] && [ "$(post /api/metrics -H "Authorization: Bearer $admin")" = 200 ]; }
until_true 10 asked || fail "keys are not asked for"
status=$(erase)
case $status in 2??) ;; *) fail "erase: $status $(cat "$dir/answer")" ;; esac
hostile # now with keys: 401
for id in $(person key list --json | jq -r '.[].id'); do person key revoke "$id" >/dev/null || fail "key revoke"; done
nothing_refused

# --- but what is not theirs
for line in 'get bl:dev:keys' 'set bl:{dev:1}:fence x' 'flushall' 'config set maxmemory 1' 'del bl:{dev:1}:events' 'keys x' 'acl list'; do
  # shellcheck disable=SC2086
  answer=$(REDISCLI_AUTH=ALERTS-secret-0815 redis-cli -s "$dir/redis.sock" --user alerts $line 2>&1 || true)
  case $answer in *NOPERM*) ;; *) fail "alerts may: $line ($answer)" ;; esac
done
redis-cli -s "$dir/redis.sock" get x 2>&1 | grep NOAUTH >/dev/null || fail "a user without a password may look"

# --- the logs
for name in serve worker explain alerts; do
  [ -s "$dir/$name.log" ] || fail "no log of $name"
  python3 - "$dir/$name.log" <<'P' || fail "the log of $name"
import json, sys
for n, line in enumerate(open(sys.argv[1], 'rb').read().split(b'\n')[:-1], 1):
    try:
        text = line.decode('utf-8')
        entry = json.loads(text)
        assert isinstance(entry, dict) and {'time', 'level', 'role', 'pid', 'message'} <= entry.keys()
        assert all(ord(c) >= 32 and ord(c) != 127 for c in text)
    except Exception as e:
        sys.exit('%s:%d: %r: %r' % (sys.argv[1], n, e, line))
P
  if grep -nE 'secret|203\.0\.113|Bearer|query-|meta-' "$dir/$name.log"; then fail "the log of $name tells a secret or an address"; fi
  if [ -n "$admin" ] && grep -nF "$admin" "$dir/$name.log"; then fail "the log of $name tells a key"; fi
done
echo "ok: $(cat "$dir"/{serve,worker,explain,alerts}.log | wc -l) lines of logs"
