#!/usr/bin/env bash
# Limits as clients meet them: one who sends too much is held back and nobody else, several serve processes share a limit,
# and a forged X-Forwarded-For helps nobody.
# usage: test_limits.sh PROGRAM
set -euo pipefail
bl=$1
# shellcheck source=tests/support/serving.sh
. "$(dirname "$0")/../support/serving.sh"

start_redis
worker

echo "one user too fast: refused event by event, the others not"
rate=1 burst=100
serve a --user-rate $rate --user-burst $burst
began=$(date +%s)
batch hog 150 >"$dir/hog"
[ "$(post "$url/events/batch" -d "@$dir/hog")" = 207 ] || fail "a batch over the limit: $(cat "$dir/body")"
[ "$(jq -r '.accepted >= 100 and .accepted < 150' "$dir/body")" = true ] || fail "accepted $(jq .accepted "$dir/body")"
[ "$(jq -r '[.errors[].error.code] | unique | join(",")' "$dir/body")" = rate_limited ] || fail "codes"
[ "$(header retry-after)" -ge 1 ] || fail "no Retry-After on 207"
hog=$(jq .accepted "$dir/body") others=0
for i in $(seq 30); do
  status=$(post "$url/events/batch" -d "@$dir/hog")
  case $status in
    207 | 429) hog=$((hog + $(jq .accepted "$dir/body"))) ;;
    *) fail "status $status" ;;
  esac
  [ "$status" != 429 ] || [ "$(header retry-after)" -ge 1 ] || fail "429 without Retry-After"
  [ "$(post "$url/events" -d "$(event "other-$i" "e$i")")" = 202 ] || fail "another user's event: $(cat "$dir/body")"
  others=$((others + 1))
  { printf '['; event hog "h$i"; printf ','; event "mixed-$i" "m$i"; printf ']'; } >"$dir/mixed"
  status=$(post "$url/events/batch" -d "@$dir/mixed")
  [ "$status" = 202 ] || [ "$status" = 207 ] || fail "mixed: $status"
  jq -e 'all(.errors[]?; .index == 0)' "$dir/body" >/dev/null || fail "the other one in a batch was refused"
  hog=$((hog + $(jq .accepted "$dir/body") - 1)) others=$((others + 1))
done
most=$((burst + rate * ($(date +%s) - began + 2)))
[ "$hog" -le $most ] || fail "the hog got $hog of at most $most"
status=429
for _ in $(seq 200); do status=$(post "$url/events" -d "$(event hog x$RANDOM)"); [ "$status" = 429 ] && break; hog=$((hog + 1)); done
[ "$status" = 429 ] || fail "a single event is never 429"
[ "$(jq -r .error.code "$dir/body")" = rate_limited ] || fail "code $(cat "$dir/body")"
[ "$(header retry-after)" -ge 1 ] || fail "no Retry-After"
processed() { [ "$(curl -fs "$url/api/users/other-30" | jq -r .user_id)" = other-30 ]; }
until_true 20 processed || fail "the others' events are not processed"
total() { [ "$(curl -fs "$url/api/metrics" | jq .total_events)" -ge $((hog + others)) ]; }
until_true 20 total || fail "accepted $((hog + others)), processed $(curl -fs "$url/api/metrics" | jq .total_events)"
[ "$(curl -fs "$url/api/bad-events?limit=500" | jq length)" = 0 ] || fail "what was over a limit is kept"
until_true 10 at_least limited_user_events_total 100 || fail "not counted on /metrics"

echo "two serve processes share it, and a dead one leaves its part"
first=$url first_pid=$serve
serve b --user-rate $rate --user-burst $burst
shared() { [ "$(metric limits_shared_by)" = "$1" ]; } # the sum of what each says
until_true 20 shared 4 || fail "they do not know each other"
changes_of_share() { cat "$dir/a.log" "$dir/b.log" | grep -c 'rate limits are shared' || true; }
# A heartbeat that a busy machine holds back for too long makes one of them think for a moment that it is alone: then once more.
for try in 1 2 3 4 5; do
  until_true 20 shared 4 || fail "they do not know each other any more"
  before=$(changes_of_share)
  batch "pair-$try" 150 >"$dir/pair"
  began=$(date +%s%3N)
  post "$first/events/batch" -d "@$dir/pair" >/dev/null
  pair=$(jq .accepted "$dir/body")
  post "$url/events/batch" -d "@$dir/pair" >/dev/null
  pair=$((pair + $(jq .accepted "$dir/body")))
  most=$((burst + rate * ($(date +%s%3N) - began + 1000) / 1000))
  [ "$(changes_of_share)" != "$before" ] || break
done
if [ $pair -lt $burst ] || [ $pair -gt $most ]; then fail "together they took $pair, not $burst to $most"; fi
kill -9 "$first_pid"
until_true 20 shared 1 || fail "the dead one still has a part"
end "$serve"

echo "who it is cannot be forged"
serve c --request-rate 1 --request-burst 30
limited=0
for i in $(seq 100); do
  if [ "$(post -H "X-Forwarded-For: 198.51.100.$i" "$url/health")" = 429 ]; then
    limited=$((limited + 1))
    cp "$dir/body" "$dir/refusal" # the last one may have been answered again, a second later
  fi
done
[ $limited -gt 0 ] || fail "a stranger with many names has no limit"
[ "$(jq -r .error.code "$dir/refusal")" = rate_limited ] || fail "$(cat "$dir/refusal")"
end "$serve"
serve d --request-rate 1 --request-burst 5 --trusted-proxies "10.0.0.0/8, 127.0.0.0/8" --address-rate 1 --address-burst 10
for i in $(seq 12); do
  [ "$(post -H "X-Forwarded-For: 198.51.100.$i" "$url/health")" = 200 ] || fail "clients behind a proxy share a limit"
  [ "$(post "$url/health")" = 200 ] || fail "our own machines have a limit"
done
limited=0 answered=0 began=$(date +%s)
# forged HEADER...: two who are one ask
forged() {
  if [ "$(post "$@" "$url/health")" = 429 ]; then limited=$((limited + 1)); else answered=$((answered + 1)); fi
}
for i in $(seq 20); do # what the client wrote, what the proxy in front of it added, both ways to write it; a /64
  forged -H "X-Forwarded-For: 203.0.113.$i, 192.0.2.1, 10.1.2.3"
  forged -H "X-Forwarded-For: 203.0.113.$i" -H "X-Forwarded-For: 192.0.2.1"
  forged -H "X-Forwarded-For: 2001:db8:1:2::$i"
done
most=$((2 * (5 + $(date +%s) - began + 2))) # the first two ways are the same client
if [ $limited -lt 1 ] || [ $answered -gt $most ]; then fail "a forged X-Forwarded-For helps ($answered answered, $most at most)"; fi
# events: the first body may overdraw, the next one waits
batch u1 40 >"$dir/forty"
[ "$(post -H 'X-Forwarded-For: 192.0.2.77' "$url/events/batch" -d "@$dir/forty")" = 202 ] || fail "$(cat "$dir/body")"
[ "$(post -H 'X-Forwarded-For: 192.0.2.77' "$url/events/batch" -d "@$dir/forty")" = 429 ] || fail "$(cat "$dir/body")"
[ "$(header retry-after)" -ge 20 ] || fail "Retry-After $(header retry-after) for 30 events too many at 1/s"
[ "$(post -H 'X-Forwarded-For: 192.0.2.78' "$url/events/batch" -d "@$dir/forty")" = 202 ] || fail "another address: $(cat "$dir/body")"
until_true 10 at_least limited_address_requests_total 1 || fail "not counted"
until_true 10 at_least limited_rate_requests_total $limited || fail "not counted"
end "$serve"

echo "what is refused counts like what is answered"
serve f --request-rate 1 --request-burst 20
# one after the other: what each takes is gone for all; eight of a kind with one curl, for with each second one more is let in
for asked in "-X OPTIONS $url/events" "$url/nothing" "-X PUT $url/health"; do
  # shellcheck disable=SC2086
  status=$(curl -s -o "$dir/body" -w '%{http_code}\n' $asked?[1-8] | tail -n 1)
done
[ "$status" = 429 ] || fail "nothing counts that is not there: $status"
end "$serve"

echo "who only holds connections keeps nobody out for long, and streams stay"
serve h --connections 30 --idle-timeout 10m --head-timeout 10m
curl -sN "$url/api/stream" >"$dir/stream" &
reader=$!
pids+=("$reader")
until_true 10 test -s "$dir/stream" || fail "no stream"
held=()
trap '' PIPE # a connection may be cut before its half of a request is written
for i in $(seq 40); do
  exec {fd}<>"/dev/tcp/127.0.0.1/${url##*:}" || fail "no connection"
  held+=("$fd")
  [ $((i % 2)) = 0 ] || printf 'GET /health HTTP/1.1\r\nHost: x\r\n' >&"$fd" || true
done
sleep_and_ask() { sleep 1 && curl -fs "$url/health"; } # whoever asks rarely gets in, too
until_true 5 sleep_and_ask || fail "all others are kept out"
until_true 10 at_least http_connections_refused_total 1 || fail "all connections were not taken"
kill -0 "$reader" || fail "the stream was cut"
for fd in "${held[@]}"; do exec {fd}>&-; done
kill "$reader"
end "$serve"

echo "a key has a limit of its own"
key() { "$bl" key create --redis "unix://$dir/redis.sock" --kind write --name "$1" --json | jq -r .token; }
one=$(key one) two=$(key two)
listen e --key-rate 1 --key-burst 10
taken() { [ "$(post -H "Authorization: Bearer $1" "$url/events/batch" -d "@$2")" = 202 ]; }
until_true 20 taken "$two" "$dir/mixed" || fail "the key is not taken: $(cat "$dir/body")"
taken "$one" "$dir/forty" || fail "$(cat "$dir/body")"
! taken "$one" "$dir/forty" || fail "no limit by key"
[ "$(jq -r .error.code "$dir/body")" = rate_limited ] || fail "$(cat "$dir/body")"
[ "$(header retry-after)" -ge 20 ] || fail "Retry-After $(header retry-after)"
taken "$two" "$dir/forty" || fail "another key: $(cat "$dir/body")"
end "$serve"

echo "keys cannot be tried out without bound"
listen g --request-rate 1 --request-burst 20
asks() { [ "$(post "$url/health")" = 200 ] && [ "$(post "$url/api/patterns")" = 401 ]; }
until_true 20 asks || fail "it does not ask for a key: $(cat "$dir/body")"
limited=0
for i in $(seq 60); do
  status=$(post -H "Authorization: Bearer $(printf '%048d' "$i")" "$url/api/patterns")
  [ "$status" = 401 ] || [ "$status" = 429 ] || fail "status $status"
  [ "$status" != 429 ] || limited=$((limited + 1))
done
[ $limited -ge 5 ] || fail "keys can be tried out at any rate ($limited of 60 held back)"
echo "all well"
