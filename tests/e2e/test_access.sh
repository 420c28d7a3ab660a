#!/usr/bin/env bash
# Keys from end to end: made, listed and revoked while servers run; what each kind opens; every way of sending one; other
# sites' pages; the login; what is neither logged nor stored; and what happens without keys, and without Redis.
# usage: test_access.sh PATH_TO_BEHAVIORLENS
set -euo pipefail
bl=$1
# shellcheck source=tests/support/processes.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/processes.sh"

redis=unix://$dir/redis.sock
key() { "$bl" key "$@" --redis "$redis"; }
# shellcheck disable=SC2119
start_redis

# serve NAME ARGS...: starts one on a port of its own; $url, $pid
serve() {
  local name=$1
  shift
  "$bl" serve --redis "$redis" --durability none --port 0 "$@" 2>"$dir/$name.log" &
  pid=$!
  pids+=("$pid")
  until_true 20 grep -F '"listening"' "$dir/$name.log" || fail "serve $name does not listen"
  url=http://127.0.0.1:$(jq -r 'select(.message == "listening") | .port' "$dir/$name.log")
}

# answers WANTED CURL_ARGS...: the status
answers() {
  local want=$1 got
  shift
  got=$(curl -sS -o "$dir/body" -D "$dir/head" -w '%{http_code}' "$@")
  [ "$got" = "$want" ] || fail "$*: $got, not $want: $(cat "$dir/head" "$dir/body")"
}
# other TOKEN: one that differs from it in its last character alone
other() { case $1 in *x) printf '%sy' "${1%?}" ;; *) printf '%sx' "${1%?}" ;; esac }
header() { tr -d '\r' <"$dir/head" | sed -n "s/^$1: //pI"; }
now_answers() { [ "$(curl -sS -o /dev/null -w '%{http_code}' "${@:2}")" = "$1" ]; }
bearer() { printf 'Authorization: Bearer %s' "$1"; }
# says TEXT COMMAND...: it fails, and says so
refuses() {
  local text=$1
  shift
  ! "$@" >"$dir/said" 2>&1 || fail "$* succeeded"
  grep -F -e "$text" "$dir/said" >/dev/null || fail "$*: wanted \"$text\", got: $(cat "$dir/said")"
}
event='{"user_id":"u","action":"page_view","page":"/a"}'

echo "-- without keys: open, on loopback alone"
serve one
one=$url
until_true 20 now_answers 202 "$one/events" -d "$event" || fail "not open"
answers 200 "$one/api/patterns" -H 'Origin: https://evil.example'
[ "$(header access-control-allow-origin)" = '*' ] || fail "CORS without keys"
answers 204 -X OPTIONS "$one/api/users/u" -H 'Origin: https://evil.example' -H 'Access-Control-Request-Method: DELETE'
[[ "$(header access-control-allow-methods)" == *PATCH* ]] || fail "preflight without keys: $(cat "$dir/head")"
[[ "$(header access-control-allow-methods)" != *DELETE* ]] || fail "any page may erase: $(cat "$dir/head")"
answers 403 -X DELETE "$one/api/users/u" -H "Host: rebound.example:1" -H 'Origin: http://rebound.example:1'
answers 404 -X PATCH "$one/api/patterns/0123456789abcdef0123456789abcdef/resolve"
answers 200 "$one/login"
[ "$(jq -c . "$dir/body")" = '{"keys":false,"kind":null,"id":null,"name":null}' ] || fail "login without keys: $(cat "$dir/body")"
answers 200 "$one/login" -d '{"key":"whatever"}'
"$bl" serve --redis "$redis" --durability none --port 0 --listen 0.0.0.0 2>"$dir/all.log" &
pid=$!
pids+=("$pid")
until_true 20 bash -c "! kill -0 $pid" || fail "listens everywhere without keys"
! wait "$pid" || fail "refused with status 0"
grep -F 'key create' "$dir/all.log" >/dev/null || fail "no way out is told: $(cat "$dir/all.log")"

echo "-- keys are made: from then on every server asks"
serve two --dashboard-origins https://ops.example
two=$url
curl -sSN "$one/api/stream" >"$dir/stream" &
stream=$!
pids+=("$stream")
until_true 10 test -s "$dir/stream" || fail "no stream"
refuses 'what the key is for' key create --name x
refuses 'scheme://host' key create --kind write --origin shop.example
refuses 'only write keys' key create --kind read --origin https://shop.example
key create --kind write --name 'The <b>shop</b>' --origin https://shop.example --origin http://localhost:3000,https://b.example >"$dir/made"
grep -F 'first key' "$dir/made" >/dev/null || fail "nobody is warned: $(cat "$dir/made")"
write=$(sed -n 's/^token *//p' "$dir/made")
read_=$(key create --kind read --name reader --json | jq -r .token)
admin=$(key create --kind admin --name boss --json | jq -r .token)
[[ $write =~ ^blw_[0-9a-z]{10}_[0-9a-z]{40}$ && $read_ =~ ^blr_ && $admin =~ ^bla_ ]] || fail "tokens: $write $read_ $admin"
[ "$(key list --json | jq -c 'map([.kind, .name, .origins])')" = '[["write","The <b>shop</b>",["https://shop.example","http://localhost:3000","https://b.example"]],["read","reader",[]],["admin","boss",[]]]' ] ||
  fail "list: $(key list --json)"
for url in "$one" "$two"; do
  until_true 4 now_answers 401 "$url/api/patterns" || fail "the API stays open"
  until_true 4 now_answers 200 "$url/api/patterns" -H "$(bearer "$admin")" || fail "not in effect"
done
until_true 4 bash -c "! kill -0 $stream 2>/dev/null" || fail "a stream without a key goes on"

echo "-- what each opens"
# need: method path body; then the status for no key, write, read, admin
while read -r method path none w r a; do
  body=()
  [ "$method" != POST ] || body=(-d "$event")
  for pair in "$none:" "$w:$write" "$r:$read_" "$a:$admin"; do
    auth=()
    [ -z "${pair#*:}" ] || auth=(-H "$(bearer "${pair#*:}")")
    answers "${pair%%:*}" -X "$method" "$one$path" "${auth[@]}" "${body[@]}"
  done
done <<'TABLE'
GET /health 200 200 200 200
GET /openapi.json 200 200 200 200
POST /events 401 202 403 202
POST /events/batch 401 400 403 400
POST /ingest 401 202 403 202
GET /api/patterns 401 403 200 200
GET /events 401 403 200 200
GET /api/metrics 401 403 200 200
GET /metrics 401 403 200 200
GET /api/bad-events 401 403 200 200
PATCH /api/patterns/0123456789abcdef0123456789abcdef/resolve 401 403 403 404
GET /api/audit 401 403 403 200
GET /nothing 404 404 404 404
TABLE
answers 401 "$one/api/patterns"
[ "$(header www-authenticate)" = 'Bearer realm="behaviorlens"' ] || fail "WWW-Authenticate: $(cat "$dir/head")"
[ "$(jq -r .error.code "$dir/body")" = unauthorized ] || fail "$(cat "$dir/body")"
answers 403 "$one/api/patterns" -H "$(bearer "$write")"
[ "$(jq -r .error.code "$dir/body")" = forbidden ] || fail "$(cat "$dir/body")"

echo "-- every way of sending one, and none twice"
answers 200 "$one/api/patterns" -u "$read_:"
answers 200 "$one/api/patterns" -u "$read_:whatever"
answers 200 "$one/api/patterns?limit=1&key=$read_"
answers 202 "$one/events?key=$write" -d "$event" -H 'Content-Type: text/plain'
answers 200 "$one/api/patterns" -H "authorization: bEARER   $read_"
answers 200 "$one/api/patterns?k%65y=$read_"
answers 401 "$one/api/patterns" -H "Authorization: $read_"
answers 401 "$one/api/patterns" -H "Authorization: Digest $read_"
answers 401 "$one/api/patterns" -H "Authorization: Basic ====="
answers 401 "$one/api/patterns" -H "$(bearer "${read_%?}")"
answers 401 "$one/api/patterns" -H "$(bearer "$(printf '%0600d' 1)")"
answers 401 "$one/api/patterns?key="
answers 400 "$one/api/patterns?key=$read_" -H "$(bearer "$read_")"
answers 400 "$one/api/patterns?key=$read_&key=$read_"
answers 400 "$one/api/patterns" -H "$(bearer "$read_")" -H "$(bearer "$read_")"

echo "-- pages of other sites"
preflight() { answers 204 -X OPTIONS "$1" -H "Origin: $2" -H "Access-Control-Request-Method: $3"; }
preflight "$one/events" https://shop.example POST
[ "$(header access-control-allow-origin)" = https://shop.example ] || fail "preflight of the shop: $(cat "$dir/head")"
[ "$(header vary)" = Origin ] || fail "no Vary: $(cat "$dir/head")"
preflight "$one/events" https://evil.example POST
[ -z "$(header access-control-allow-origin)" ] || fail "preflight of another: $(cat "$dir/head")"
preflight "$two/api/patterns" https://shop.example GET
[ -z "$(header access-control-allow-origin)" ] || fail "the shop may read: $(cat "$dir/head")"
preflight "$two/api/patterns" https://ops.example GET
[ "$(header access-control-allow-origin)" = https://ops.example ] || fail "dashboards: $(cat "$dir/head")"
preflight "$two/api/users/u" https://ops.example DELETE
[[ "$(header access-control-allow-methods)" == *DELETE* ]] || fail "dashboards may not erase: $(cat "$dir/head")"
for method in POST PUT HEAD ''; do # no call of that name there: it must not be what all others are open by
  preflight "$two/api/patterns" https://evil.example "$method"
  [ -z "$(header access-control-allow-origin)" ] || fail "preflight of $method: $(cat "$dir/head")"
done
answers 405 -X PUT "$two/api/patterns" -H 'Origin: https://evil.example'
[ -z "$(header access-control-allow-origin)" ] || fail "405 to all: $(cat "$dir/head")"
preflight "$two/health" https://evil.example GET
[ "$(header access-control-allow-origin)" = '*' ] || fail "what is open: $(cat "$dir/head")"
preflight "$one/api/patterns" https://ops.example GET
[ -z "$(header access-control-allow-origin)" ] || fail "not its dashboard: $(cat "$dir/head")"
answers 202 "$one/events" -d "$event" -H "$(bearer "$write")" -H 'Origin: https://shop.example'
[ "$(header access-control-allow-origin)" = https://shop.example ] || fail "$(cat "$dir/head")"
answers 403 "$one/events" -d "$event" -H "$(bearer "$write")" -H 'Origin: https://evil.example'
[ -z "$(header access-control-allow-origin)" ] || fail "$(cat "$dir/head")"
answers 403 "$one/events" -d "$event" -H "$(bearer "$write")" -H 'Origin: null'
answers 401 "$one/events" -d "$event" -H 'Origin: https://shop.example'
[ "$(header access-control-allow-origin)" = https://shop.example ] || fail "the tracker cannot read its 401"

echo "-- what is refused is counted, not kept"
refused_count() { [ "$(cli HGET bl:dev:rejected unauthorized)" -eq 4 ] && [ "$(cli HGET bl:dev:rejected forbidden)" -eq 5 ]; }
until_true 10 refused_count || fail "not counted: $(cli HGETALL bl:dev:rejected)"
[ "$(cli XLEN bl:dev:bad)" = 2 ] || fail "kept: $(cli XRANGE bl:dev:bad - +)" # the two batches that were no batches

echo "-- login"
jar=$dir/jar
: >"$jar"
answers 401 "$one/login" -d "{\"key\":\"$(printf '%048d' 7)\"}"
answers 403 "$one/login" -d "{\"key\":\"$write\"}"
answers 400 "$one/login" -d 'key=x'
answers 400 "$one/login" -d "{\"key\":\"$(printf '%02000d' 7)\"}"
answers 403 "$one/login" -d "{\"key\":\"$admin\"}" -H 'Origin: https://evil.example'
answers 403 "$one/login" -d "{\"key\":\"$admin\"}" -H 'Sec-Fetch-Site: cross-site'
answers 200 "$one/login" -d "{\"key\":\"$admin\"}" -H "Origin: $one" -c "$jar"
cookie=$(header set-cookie)
[[ $cookie == "behaviorlens_dev=$admin; Path=/; Max-Age="*"; HttpOnly; SameSite=Strict" ]] || fail "cookie: $cookie"
[ "$(jq -r .kind "$dir/body")" = admin ] || fail "$(cat "$dir/body")"
answers 200 "$one/login" -d "{\"key\":\"$admin\"}" -H 'X-Forwarded-Proto: https'
[[ $(header set-cookie) == *'; Secure' ]] || fail "not Secure behind a proxy with TLS"
answers 200 "$one/api/patterns" -b "$jar"
answers 200 "$two/api/patterns" -b "behaviorlens_dev=$admin" # every server knows it
answers 400 "$one/api/patterns" -b "behaviorlens_dev=$admin; behaviorlens_dev=$read_"
answers 401 "$one/api/patterns" -b "behaviorlens_prod=$admin"
answers 403 "$one/api/patterns" -b "$jar" -H "$(bearer "$write")" # what is said outright goes first
resolve=$one/api/patterns/0123456789abcdef0123456789abcdef/resolve
answers 403 -X PATCH "$resolve" -b "$jar"
answers 403 -X PATCH "$resolve" -b "$jar" -H 'Origin: https://evil.example'
answers 403 -X PATCH "$resolve" -b "$jar" -H 'Origin: null'
answers 403 -X PATCH "$resolve" -b "$jar" -H "Origin: $one.evil.example"
answers 403 -X PATCH "$resolve" -b "$jar" -H "Origin: $one" -H 'Sec-Fetch-Site: same-site'
answers 404 -X PATCH "$resolve" -b "$jar" -H "Origin: $one"
answers 404 -X PATCH "$resolve" -b "$jar" -H 'Sec-Fetch-Site: same-origin'
answers 403 "$one/events" -d "$event" -b "$jar" -H 'Origin: https://evil.example'
answers 202 "$one/events" -d "$event" -b "$jar" -H "Origin: $one"
answers 200 "$one/login" -b "$jar"
[ "$(jq -c '[.kind, .name]' "$dir/body")" = '["admin","boss"]' ] || fail "$(cat "$dir/body")"
answers 403 -X POST "$one/logout" -b "$jar" -H 'Origin: https://evil.example'
answers 204 -X POST "$one/logout" -b "$jar" -H "Origin: $one" -c "$jar"
[[ $(header set-cookie) == 'behaviorlens_dev=; Path=/; Max-Age=0;'* ]] || fail "logout: $(cat "$dir/head")"
answers 401 "$one/api/patterns" -b "$jar"

trail() {
  cli --json XRANGE bl:dev:audit - + | jq -c '[.[][1] | if type == "array" then [range(0; length; 2) as $i | {key: .[$i], value: .[$i + 1]}] | from_entries else . end | [.action, .actor, .subject]]'
}
# Who may only read must not be able to fill the trail: a key's login stands there once in ten minutes.
for _ in $(seq 20); do answers 200 "$one/login" -d "{\"key\":\"$admin\"}"; done
[ "$(trail | jq -c 'map(.[0])')" = '["key-create","key-create","key-create","login"]' ] || fail "trail: $(trail)"
[ "$(trail | jq -c '.[3]')" = "[\"login\",\"${admin:0:14}\",\"${admin:0:14}\"]" ] || fail "who logged in: $(trail)"
[ "$(trail | jq -r '.[0][1]')" = "local:$(id -un)" ] || fail "who made the key: $(trail)"

echo "-- revoked while they run: out everywhere, streams too"
curl -sSN "$two/api/stream" -H "$(bearer "$read_")" >"$dir/stream" &
stream=$!
pids+=("$stream")
until_true 10 test -s "$dir/stream" || fail "no stream"
key revoke "${read_:0:14}" >"$dir/said"
grep -F 'is revoked' "$dir/said" >/dev/null || fail "revoke: $(cat "$dir/said")"
for url in "$one" "$two"; do until_true 4 now_answers 401 "$url/api/patterns" -H "$(bearer "$read_")" || fail "still taken"; done
until_true 4 bash -c "! kill -0 $stream 2>/dev/null" || fail "its stream goes on"
refuses 'no such key' key revoke "${read_:0:14}"
answers 200 "$one/api/patterns" -H "$(bearer "$admin")"

echo "-- Redis away: those known hold"
kill -9 "$redis_pid"
wait "$redis_pid" 2>/dev/null || true
answers 401 "$one/api/patterns"
answers 503 "$one/events" -d "$event" -H "$(bearer "$write")"
answers 401 "$one/events" -d "$event" -H "$(bearer "$(other "$write")")"
answers 503 "$two/login" -d "{\"key\":\"$admin\"}" # nobody logs in unseen
serve lost # one that has never seen them is closed, not open
answers 503 "$url/api/patterns" -H "$(bearer "$admin")"
answers 503 "$url/api/patterns"
answers 503 "$url/events" -d "$event"
answers 200 "$url/health"
lost=$url

echo "-- Redis is back, empty: what has seen keys stays closed, what has not begins anew"
start_redis
until_true 20 now_answers 401 "$one/api/patterns" -H "$(bearer "$admin")" || fail "keys that are gone still hold"
answers 401 "$one/api/patterns"
answers 401 "$one/events" -d "$event"
until_true 20 now_answers 200 "$lost/api/patterns" || fail "without keys it is not open"

echo "-- what cannot be read is closed, not open"
cli SET bl:dev:keys nonsense >/dev/null
serve confused
answers 503 "$url/api/patterns"
answers 401 "$one/api/patterns"
refuses 'a hash' key list
cli DEL bl:dev:keys >/dev/null
cli HSET bl:dev:keys junk '{"kind":"admin"}' >/dev/null
until_true 20 now_answers 401 "$url/api/patterns" || fail "a key that cannot be read opens"
grep -F 'cannot be read and do not hold' "$dir/confused.log" >/dev/null || fail "nobody is told: $(cat "$dir/confused.log")"
cli HDEL bl:dev:keys junk >/dev/null

echo "-- keys of a file and of the environment; nothing of them anywhere"
secret=$(openssl rand -hex 24)
made=$("$bl" key make --kind read --json)
{ echo '# for the shop'; echo "write:$secret:https://shop.example  # by hand"; jq -r .line <<<"$made"; } >"$dir/keys"
chmod 644 "$dir/keys"
refuses 'chmod 600' "$bl" serve --redis "$redis" --port 0 --keys-file "$dir/keys"
chmod 600 "$dir/keys"
refuses 'cannot be read' "$bl" serve --redis "$redis" --port 0 --keys-file "$dir/nowhere"
mkfifo -m 600 "$dir/pipe"
refuses 'is no file' timeout 10 "$bl" serve --redis "$redis" --port 0 --keys-file "$dir/pipe"
echo "write:$secret:nonsense" >"$dir/bad"
chmod 600 "$dir/bad"
refuses 'key 1: an origin' "$bl" serve --redis "$redis" --port 0 --keys-file "$dir/bad"
! grep -F "$secret" "$dir/said" >/dev/null || fail "a secret is told: $(cat "$dir/said")"
refuses 'BL_KEYS, key 2: the token is too short' env BL_KEYS="admin:$secret;read:short" "$bl" serve --redis "$redis" --port 0
from_env=$(openssl rand -hex 24)
export BL_KEYS="admin:$from_env"
serve filed --keys-file "$dir/keys" --listen 0.0.0.0 --log-level debug
unset BL_KEYS
answers 401 "$url/api/patterns"
answers 200 "$url/api/patterns" -H "$(bearer "$(jq -r .token <<<"$made")")"
answers 403 "$url/api/patterns" -H "$(bearer "$secret")"
answers 200 "$url/api/patterns?key=$from_env"
until_true 20 now_answers 202 "$url/events" -d "$event" -H "$(bearer "$secret")" || fail "a key of the file does not write"
! tr '\0' '\n' <"/proc/$pid/cmdline" | grep -e "$secret" -e "$from_env" >/dev/null || fail "in the list of processes"
BL_KEYS="admin:$from_env" "$bl" config --keys-file "$dir/keys" >"$dir/config"
! grep -e "$secret" -e "$from_env" "$dir/config" >/dev/null || fail "in the configuration"

echo "-- the shoppers have a key"
export BL_KEY=$secret
"$bl" simulate --url "$url" --users 2 --rate 20 --duration 300ms --log-level error >"$dir/simulated" || fail "simulate"
grep -E '^[1-9]' "$dir/simulated" >/dev/null || grep -E '[1-9][0-9]* ' "$dir/simulated" >/dev/null || fail "nobody came: $(cat "$dir/simulated")"
unset BL_KEY
refuses 'BL_KEY' "$bl" simulate --url "$url" --users 2 --rate 20 --duration 300ms

echo "-- revoking the last one; secrets are in no log"
last=$(key create --kind admin --name last --json | jq -r .token)
until_true 4 now_answers 200 "$one/api/patterns" -H "$(bearer "$last")" || fail "a key made anew"
key revoke "$last" >"$dir/said"
grep -F 'No key is left' "$dir/said" >/dev/null || fail "$(cat "$dir/said")"
until_true 4 now_answers 401 "$one/api/patterns" -H "$(bearer "$last")" || fail "still taken"
[ "$(key list)" = 'no keys: servers are open, and listen on loopback alone.' ] || fail "$(key list)"
for one_secret in "$write" "$read_" "$admin" "$secret" "$from_env" "$last" "${write:15}"; do
  ! grep -l -F -e "$one_secret" "$dir"/*.log || fail "a secret in a log"
  ! cli --raw KEYS '*' | while read -r k; do cli --raw DUMP "$k"; done | grep -F -e "$one_secret" >/dev/null || fail "in the store"
done

[ "$(trail | jq -c 'map([.[0], .[2]])')" = "[[\"key-create\",\"${last:0:14}\"],[\"key-revoke\",\"${last:0:14}\"]]" ] || fail "trail: $(trail)"
