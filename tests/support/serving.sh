# Shared by tests of what serve takes and refuses: sourced with the program's path in $bl. post leaves the answer in $dir/head
# and $dir/body.
set -euo pipefail
# shellcheck source=tests/support/processes.sh
. "$(dirname "${BASH_SOURCE[0]}")/processes.sh"

# listen NAME OPTIONS...: a serve that listens; leaves its pid in $serve and its address in $url
listen() {
  local name=$1 port
  shift
  : >"$dir/$name.log"
  "$bl" serve --redis "unix://$dir/redis.sock" --durability none --port 0 "$@" 2>"$dir/$name.log" &
  serve=$!
  pids+=("$serve")
  until_true 20 listens "$dir/$name.log" || fail "serve does not listen"
  port=$(sed -n 's/.*"listening".*"port":\([0-9]*\).*/\1/p' "$dir/$name.log" | sed -n 1p)
  url=http://127.0.0.1:$port
}
# serve NAME OPTIONS...: one that takes events
serve() {
  listen "$@"
  until_true 20 answers 202 "$url" || fail "serve takes no event"
}
worker() {
  "$bl" worker --redis "unix://$dir/redis.sock" --durability none 2>>"$dir/worker.log" &
  worker=$!
  pids+=("$worker")
}
listens() { grep listening "$1" >/dev/null; }
post() { curl -s -o "$dir/body" -D "$dir/head" -w '%{http_code}' "$@"; }
event() { printf '{"user_id":"%s","action":"click","page":"/p","event_id":"%s"}' "$1" "$2"; }
answers() { [ "$(post "$2/events" -d "$(event probe "$RANDOM$RANDOM")")" = "$1" ]; }
header() { sed -n "s/^$1: *\([^\r]*\).*/\1/Ip" "$dir/head"; }
# metric NAME: of the serve at $url
metric() { curl -fs "$url/metrics" | awk -v n="behaviorlens_process_$1{" 'index($0, n) == 1 { v += $NF } END { print v + 0 }'; }
at_least() { [ "$(metric "$1")" -ge "$2" ]; }
# batch USER N: as many events
batch() {
  awk -v u="$1" -v n="$2" 'BEGIN { printf "["; for (i = 0; i < n; i++)
    printf "%s{\"user_id\":\"%s\",\"action\":\"click\",\"page\":\"/p\"}", i ? "," : "", u; print "]" }'
}
end() {
  kill "$1"
  wait "$1" || fail "did not end well"
}
