#!/usr/bin/env bash
# Alerts against a real receiver: signatures, formats, retries, what is not retried, thresholds, cooldowns over a restart,
# a raise, slow and dead webhooks beside a good one, refused addresses, the sample. Usage: test_alerts.sh PROGRAM RECEIVER
set -euo pipefail
bl=$1
receiver=$2
. "$(dirname "$0")/../support/processes.sh"
. "$(dirname "$0")/../support/alerts.sh"

start_redis
: >"$dir/hooks"
start_receiver
settings >"$dir/alerts.yaml" <<'RULES'
each ok/each
high ok/high severity: high
many ok/many over: 2, within: 1m
rest ok/rest cooldown: 1h
page ok/page page: /checkout
slow slow/x
flaky flaky/x severity: high
busy busy/x severity: high
bad bad/x severity: high
away away/x severity: high
silent silent/x severity: high
RULES

# ---- samples
"$bl" alerts test each --config "$dir/alerts.yaml" >"$dir/sample" || fail "the sample was not delivered"
grep 'delivered: HTTP status 200' "$dir/sample" >/dev/null || fail "the sample's outcome"
got ok/each | grep ' good 200' >/dev/null || fail "the sample is not signed"
! "$bl" alerts test bad --config "$dir/alerts.yaml" >"$dir/sample" || fail "a 400 is no success"
grep 'not accepted: HTTP status 400' "$dir/sample" >/dev/null || fail "a 400 is told"
! "$bl" alerts test away --config "$dir/alerts.yaml" >"$dir/sample" || fail "a redirect is no success"
grep 'redirects are not followed' "$dir/sample" >/dev/null || fail "a redirect is told"
! "$bl" alerts test nobody --config "$dir/alerts.yaml" 2>"$dir/sample" || fail "an unknown name is no success"
grep 'each high many' "$dir/sample" >/dev/null || fail "the names are told"
sed 's/allow-private: yes, //' "$dir/alerts.yaml" >"$dir/public.yaml"
! "$bl" alerts test each --config "$dir/public.yaml" >"$dir/sample" || fail "loopback needs allow-private"
grep 'allow-private' "$dir/sample" >/dev/null || fail "the refusal is told"
sed 's/allow-http: yes, //' "$dir/alerts.yaml" >"$dir/tls.yaml"
! "$bl" alerts test each --config "$dir/tls.yaml" 2>"$dir/sample" || fail "http needs allow-http"
grep 'alerts\[0\].webhook: is plain http' "$dir/sample" >/dev/null || fail "plain http is told"
! env -u HOOK_SECRET "$bl" alerts --config "$dir/alerts.yaml" 2>"$dir/sample" || fail "no secret, no alerts"
grep HOOK_SECRET "$dir/sample" >/dev/null || fail "the missing secret is named"
: >"$dir/hooks"

# ---- patterns
start_alerts
until_true 20 leads || fail "nobody leads"
T=1700000000000
{ change new 1 low $T /; change new 2 medium $((T + 1000)); change raised 2 high $((T + 2000)); change resolved 1 low; } | tell
until_true 20 got_n ok/each 2 || fail "each pattern alerts"
until_true 20 got_n ok/high 1 || fail "a raise to high alerts"
got ok/high | grep "$(id 2) good 200" >/dev/null || fail "it is the raised pattern"
until_true 20 got_n ok/page 1 || fail "the page is looked at"
until_true 20 got_n ok/rest 1 || fail "the first of a cooldown alerts"
until_true 20 got_n slow/x 2 || fail "the slow one is served"
{ change raised 2 high $((T + 3000)); change new 3 low $((T + 4000)) /x; change new 3 low $((T + 4000)) /x; } | tell
until_true 20 got_n ok/many 1 || fail "more than two alert"
until_true 20 got_n ok/each 3 || fail "the third alerts"

# ---- retries; what is not retried
tries() { [ "$(got "$1" | wc -l)" -ge "$2" ]; }
until_true 30 tries flaky/x 2 || fail "a 500 is tried again"
until_true 30 tries busy/x 2 || fail "a 429 is tried again"
got flaky/x | awk '{ if (NR == 1) d = $3; if ($3 != d || $6 != "good") exit 1 }' || fail "the same delivery, signed anew"
# Less than the 2 s by what the receiver took to look at its clock; a try that does not obey comes within one second.
got busy/x | awk 'NR == 1 { t = $1 } NR == 2 { exit $1 - t < 1800 }' || fail "Retry-After is obeyed"
[ "$(got bad/x | wc -l)" -eq 1 ] || fail "a 400 is final"
[ "$(got away/x | wc -l)" -eq 1 ] || fail "a redirect is final"
! got ok/redirected | grep . || fail "no redirect is followed"

# ---- a restart keeps cooldowns, windows and decisions
kill "$alerts_pid"
wait "$alerts_pid" || fail "the process does not stop well"
: >"$dir/alerts.log"
{ change new 4 low $((T + 5000)) /x; change new 1 low $T /; change raised 2 high $((T + 9000)); } | tell
start_alerts
until_true 20 got_n ok/each 4 || fail "what came meanwhile alerts"
{ change new 5 low $((T + 6000)) /x; change new 6 low $((T + 7000)) /x; } | tell
until_true 20 got_n ok/many 2 || fail "the window goes on over a restart"
until_true 20 got_n ok/each 6 || fail "all alert"
got_n ok/rest 1 || fail "the cooldown is forgotten"
got_n ok/high 1 || fail "a decision is forgotten"

# ---- the receiver is gone for a while
kill -9 "$receiver_pid"
{ change new 7 high $((T + 8000)); for n in 8 9 10; do change new $n low $((T + 8000)) /x; done; } | tell
until_true 20 grep '"a webhook fails","alert":"each"' "$dir/alerts.log" || fail "a dead webhook is not told"
start_receiver "$port"
until_true 60 got_n ok/each 10 || fail "an alert was lost with the receiver"
until_true 60 got_n ok/high 2 || fail "an alert was lost with the receiver"
[ "$(grep -c '"a webhook fails","alert":"each"' "$dir/alerts.log")" -eq 1 ] || fail "a dead webhook is told more than once"

! awk '$6 != "good"' "$dir/hooks" | grep . || fail "a request is not signed well"
! grep -E "$HOOK_SECRET|127.0.0.1:$port" "$dir/alerts.log" || fail "the log holds what it must not"
counted() { cli --scan --pattern "bl:$env:process:*" | while read -r key; do cli hgetall "$key"; done | grep alerts_delivered_total; }
until_true 20 counted || fail "it is not among the processes"
kill "$alerts_pid"
wait "$alerts_pid" || fail "the process does not stop well"

sed 's/^redis:.*//; s/^env:.*//; s/^partitions:.*//' "$dir/alerts.yaml" >"$dir/up.yaml"
# ---- the queue of a webhook that never answers is bounded, and the oldest goes
deliveries() { cli --scan --pattern "bl:{$env:0}:alerts:delivery:*" | sort -u | wc -l; }
others=$(deliveries) # of the slow webhooks above: how many were served until here depends on the machine
settings >"$dir/alerts.yaml" <<'RULES'
flood silent/flood page: /flood
RULES
for n in $(seq 1001 2100); do change new "$n" low $T /flood; done | tell
: >"$dir/alerts.log"
start_alerts
counted() { cli --scan --pattern "bl:$env:process:*" | while read -r key; do cli hget "$key" counter:alerts_dropped_total; done | grep '^100$'; }
until_true 60 counted || fail "the oldest are not dropped"
[ "$(cli zcard "bl:{$env:0}:alerts:queue:flood")" -eq 1000 ] || fail "the queue is not bounded"
dropped_gone() { [ "$(deliveries)" -eq $((others + 1000)) ]; } # the last goes a moment after it was counted
until_true 20 dropped_gone || fail "what was dropped is still there: $(deliveries) deliveries, $others before"
grep 'too many alerts wait' "$dir/alerts.log" >/dev/null || fail "the drop is not told"
kill "$alerts_pid"
wait "$alerts_pid" || fail "the process does not stop well"

# ---- `up` runs it too, over the whole way: an event in, an alert out
: >"$dir/hooks"
: >"$dir/up.out"
"$bl" up --config "$dir/up.yaml" --data "$dir/data" --port 0 >"$dir/up.out" 2>"$dir/up.log" &
up_pid=$!
pids+=("$up_pid")
until_true 30 grep 'is running' "$dir/up.out" || fail "up does not run"
grep -E '^ +Alerts +11' "$dir/up.out" >/dev/null || fail "up says nothing of the alerts"
url=$(sed -n 's/^ *Events *POST //p' "$dir/up.out")
for _ in 1 2 3 4; do curl -sf "$url" -d '{"user_id":"<u>&","action":"page_view","page":"/p"}' >/dev/null; done
came() { [ -n "$(got "$1")" ]; }
until_true 30 came ok/each || fail "no alert came"
until_true 30 came ok/high || fail "no alert came of the raise"
for pid in $(pgrep -P "$up_pid"); do
  if tr '\0' '\n' <"/proc/$pid/environ" | grep '^HOOK_SECRET=' >/dev/null; then
    tr '\0' ' ' <"/proc/$pid/cmdline" | grep ' alerts ' >/dev/null || fail "the secret is handed to others"
  fi
done
exported() { curl -sf "${url%/events}/metrics" | grep '^behaviorlens_process_alerts_delivered_total{.*role="alerts".*} [1-9]'; }
until_true 20 exported || fail "Prometheus does not see the alerts"
kill "$up_pid"
wait "$up_pid" || fail "up does not stop well"
