#!/usr/bin/env bash
# What waits for a webhook goes with its pattern: when the feed says that it was erased, also if it says so together with
# the news of it, and after whoever led was killed. The webhook is one where nobody answers.
# Usage: test_erase_alerts.sh PROGRAM
set -euo pipefail
# shellcheck disable=SC2034 # by the sourced scripts
bl=$1 receiver=
# shellcheck source=../support/processes.sh
. "$(dirname "$0")/../support/processes.sh"
# shellcheck source=../support/alerts.sh
. "$(dirname "$0")/../support/alerts.sh"

# shellcheck disable=SC2119
start_redis
port=1
settings >"$dir/alerts.yaml" <<'EOT'
one one
other other severity: high
EOT
start_alerts
until_true 10 leads || fail "nobody leads"

erased() { printf 'XADD bl:{%s:%d}:changes * change erased pattern_id %s type "" severity "" page "" at 1\n' "$env" $(($1 % 4)) "$(id "$1")"; }
waiting() { [ "$(cli --scan --pattern "bl:{$env:0}:alerts:delivery:*" | wc -l)" -eq "$1" ]; }
queued() { [ "$(for rule in one other; do cli zcard "bl:{$env:0}:alerts:queue:$rule"; done | awk '{ n += $1 } END { print n }')" -eq "$1" ]; }

for n in 1 2 3; do change new $n high; done | tell
until_true 10 waiting 6 || fail "six alerts should wait"
erased 2 | tell
until_true 10 waiting 4 || fail "an erased pattern's alerts wait still"
until_true 10 queued 4 || fail "they are in their queues still"

# Both changes come before anybody looks.
kill -9 "$alerts_pid"
{ change new 7 high && erased 7 && erased 1; } | tell
start_alerts
until_true 20 waiting 2 || fail "what is left: $(cli --scan --pattern "bl:{$env:0}:alerts:*")"
until_true 10 queued 2 || fail "the queues"
read_all() { for p in 0 1 2 3; do cli xinfo groups "bl:{$env:$p}:changes" | awk '/^pending$/ {getline; if ($0 != 0) exit 1} /^lag$/ {getline; if ($0 != 0) exit 1}' || return 1; done; }
until_true 10 read_all || fail "changes are left"
waiting 2 || fail "an erased pattern made an alert wait"
