#!/usr/bin/env bash
# Two alerts processes run by mistake, and one of them is killed (-9) again and again while patterns come. Each (pattern,
# rule) must be delivered, under one delivery id; thresholds count each pattern once; a cooldown is kept.
# Usage: test_alerts.sh PROGRAM RECEIVER
set -euo pipefail
bl=$1
receiver=$2
. "$(dirname "$0")/../support/processes.sh"
. "$(dirname "$0")/../support/alerts.sh"

N=300 # patterns; a tenth of them raised, all of them told twice
TENTH=$((N / 10))
start_redis
: >"$dir/hooks"
start_receiver
settings >"$dir/alerts.yaml" <<'RULES'
each ok/each
high ok/high severity: high
five ok/five over: 4, within: 1h
rest ok/rest cooldown: 7d
slow slow/x page: /slow
flaky flaky/x page: /flaky
RULES
start_alerts
first=$alerts_pid
start_alerts
second=$alerts_pid
until_true 20 leads || fail "nobody leads"

other_leads() { [ -n "$(cli get "bl:{$env:0}:alerts:lease")" ] && [ "$(cli get "bl:{$env:0}:alerts:lease" | awk '{print $1}')" != "$leader" ]; }

T=1700000000000
page() { case $(($1 % 10)) in 0) echo /slow ;; 1) echo /flaky ;; *) echo /x ;; esac; }
for round in $(seq 0 9); do
  for n in $(seq $((round * N / 10 + 1)) $(((round + 1) * N / 10))); do
    change new "$n" medium $((T + n)) "$(page "$n")"
    change new "$n" medium $((T + n)) "$(page "$n")"
    [ $((n % 10)) -ne 5 ] || change raised "$n" high $((T + n)) "$(page "$n")"
  done | tell
  # Whoever leads, in the middle of its work.
  leader=$(cli get "bl:{$env:0}:alerts:lease" | awk '{print $1}')
  victim=$second
  [[ $leader != *-$first-* ]] || victim=$first
  sleep "0.$((RANDOM % 10))"
  [ $((round % 3)) -ne 0 ] || { cli client kill type normal >/dev/null && until_true 20 leads || fail "nobody leads after the connections broke"; }
  kill -9 "$victim"
  wait "$victim" 2>/dev/null || true
  start_alerts
  if [ "$victim" = "$first" ]; then first=$alerts_pid; else second=$alerts_pid; fi
  until_true 20 leads || fail "nobody takes over"
done

# One that stood still while another led goes on as if nothing had been: it must neither deliver nor decide.
leader=$(cli get "bl:{$env:0}:alerts:lease" | awk '{print $1}')
zombie=$second
[[ $leader != *-$first-* ]] || zombie=$first
kill -STOP "$zombie"
until_true 20 other_leads || fail "nobody takes over from one that stands still"
for n in $(seq $((N + 1)) $((N + 50))); do change new "$n" medium $((T + n)) /z; done | tell
N=$((N + 50))
kill -CONT "$zombie"

all() { got_n ok/each $N && got_n ok/high $TENTH && got_n slow/x $TENTH && got_n flaky/x $TENTH; }
until_true 60 all || fail "not all were delivered: $(awk '{print $2}' "$dir/hooks" | sort | uniq -c)"
until_true 60 idle || fail "something still waits"
all || fail "too many were delivered"
got_n ok/five $((N / 5)) || fail "the threshold counted wrongly: $(got ok/five | awk '{print $3}' | sort -u | wc -l)"
got_n ok/rest 1 || fail "the cooldown was forgotten"
! awk '{print $4, $5, $3}' "$dir/hooks" | sort -u | awk '{print $1, $2}' | uniq -d | grep . || fail "two deliveries of one pattern"
# A success may come twice only where its process died before it could write it down: one flight each, at most.
awk '$7 == 200 {print $2, $3}' "$dir/hooks" | sort | uniq -c | awk '$1 > 1 { twice += $1 - 1 } END { exit twice > 10 * 4 * 6 }' ||
  fail "too many repetitions"
! awk '$6 != "good"' "$dir/hooks" | grep . || fail "a request is not signed well"
kill "$first" "$second"
wait "$first" || fail "the process does not stop well"
wait "$second" || fail "the process does not stop well"
