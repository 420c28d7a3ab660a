# shellcheck shell=bash disable=SC2154 # dir, bl, receiver: by whoever sources this
# Shared by the tests of the alerts: sourced after processes.sh, with the receiver's path in $receiver. Changes of
# patterns are written straight into the feed, in the form in which a worker writes them.
export HOOK_SECRET=a-secret-of-the-test
env=t

# start_receiver [PORT]: sets $port; what it got is in $dir/hooks
start_receiver() {
  : >"$dir/port"
  # A fifo that nobody writes keeps its standard input open as long as we live.
  [ -p "$dir/stdin" ] || mkfifo "$dir/stdin"
  exec 9<>"$dir/stdin"
  "$receiver" "${1:-0}" "$HOOK_SECRET" "$dir/hooks" <&9 >"$dir/port" 2>>"$dir/receiver.log" &
  receiver_pid=$!
  pids+=("$receiver_pid")
  until_true 10 test -s "$dir/port" || fail "the receiver does not start"
  port=$(cat "$dir/port")
}

# settings RULES: writes $dir/alerts.yaml; each line of RULES is `NAME PATH [field: value, …]`
settings() {
  printf 'env: %s\nredis: unix://%s\ndurability: none\npartitions: 4\nalerts:\n' "$env" "$dir/redis.sock"
  while read -r name path fields; do
    printf -- '- {name: %s, webhook: "http://127.0.0.1:%s/%s", allow-http: yes, allow-private: yes, secret-env: HOOK_SECRET%s}\n' \
      "$name" "$port" "$path" "${fields:+, $fields}"
  done
}

# start_alerts: one process; its pid is in $alerts_pid
start_alerts() {
  "$bl" alerts --config "$dir/alerts.yaml" 2>>"$dir/alerts.log" &
  alerts_pid=$!
  pids+=("$alerts_pid")
}

leads() { [ -n "$(cli get "bl:{$env:0}:alerts:lease")" ] && grep leading "$dir/alerts.log"; }

# id N: a pattern's id
id() { printf '%032x' "$1"; }

# change WORD N SEVERITY [AT [PAGE]]: of pattern N, which lives in partition N modulo 4
change() {
  local p=$(($2 % 4)) i at=${4:-1700000000000} page=${5:-/checkout}
  i=$(id "$2")
  printf 'HSET bl:{%s:%d}:pattern:%s pattern_id %s type hesitation severity %s user_id u%d page %s explanation waits detected_at %s updated_at %s\n' \
    "$env" "$p" "$i" "$i" "$3" "$2" "$page" "$at" "$at"
  printf 'XADD bl:{%s:%d}:changes * change %s pattern_id %s type hesitation severity %s user_id u%d page %s at %s\n' \
    "$env" "$p" "$1" "$i" "$3" "$2" "$page" "$at"
}

# tell: sends what stands on standard input to Redis
tell() { cli >>"$dir/cli.log"; }

# got PATH: the lines of the receiver for it
got() { awk -v path="/$1" '$2 == path' "$dir/hooks"; }
# got_n PATH N: exactly N different deliveries have come to it
got_n() { [ "$(awk -v path="/$1" '$2 == path && !seen[$3]++ { n++ } END { print n + 0 }' "$dir/hooks")" -eq "$2" ]; }

# idle: nothing waits any more
idle() {
  local key
  for key in $(cli --scan --pattern "bl:{$env:0}:alerts:queue:*"); do
    [ "$(cli zcard "$key")" -eq 0 ] || return 1
  done
  for p in 0 1 2 3; do
    cli xinfo groups "bl:{$env:$p}:changes" | awk '/^pending$/ {getline; if ($0 != 0) exit 1} /^lag$/ {getline; if ($0 != 0) exit 1}' || return 1
  done
}
