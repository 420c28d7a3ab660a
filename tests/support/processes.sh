# Shared by tests that start processes of their own and kill some: sourced with the program's path in $bl. Ends what it started, by pid.
set -euo pipefail
# shellcheck source=tests/support/ports.sh
. "$(dirname "${BASH_SOURCE[0]}")/ports.sh"
dir=$(mktemp -d)
pids=()

cleanup() {
  for pid in "${pids[@]}"; do kill -CONT "$pid" 2>/dev/null || true; kill -9 "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$dir"
}
trap cleanup EXIT

fail() {
  echo "FAIL: $*" >&2
  tail -n 20 "$dir"/*.log >&2 || true
  exit 1
}

# until_true SECONDS COMMAND...: waits for a condition: SECONDS on a quiet machine, six times that on one that has much else to
# do, or a slow disk. Who comes early waits no longer for it.
until_true() {
  local end=$((SECONDS + 1 + 6 * $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.02
  done
}

cli() { redis-cli -s "$dir/redis.sock" "$@"; }

start_redis() {
  redis-server --port 0 --unixsocket "$dir/redis.sock" --dir "$dir" --save '' --maxmemory-policy noeviction \
    "$@" >>"$dir/redis.log" &
  redis_pid=$!
  pids+=("$redis_pid")
  until_true 10 cli ping || fail "redis does not start"
}

# events N USERS SEED: recorded traffic in order of time; the same arguments give the same lines
events() {
  awk -v n="$1" -v users="$2" -v seed="$3" 'BEGIN {
    srand(seed)
    np = split("/ /a /b /c /cart /checkout /payment /confirm /p/1 /p/2", page, " ")
    na = split("page_view navigate route_change click click scroll idle tab_hidden tab_visible page_exit abandon complete checkout_start session_end dead_click error input_change form_submit", action, " ")
    nm = split("{} {\"target\":\"buy\"} {\"target\":\"more\",\"form\":\"f\"} {\"form\":\"f\"} {\"form\":\"g\",\"x\":1e2,\"y\":-0} {\"x\":12.50,\"y\":7}", metadata, " ")
    t = 1700000000000
    for (i = 0; i < n; i++) {
      t += int(rand() * 200)
      if (again-- <= 0) { # else: the same once more
        a = action[1 + int(rand() * na)]
        u = int(rand() * users)
        p = page[1 + int(rand() * np)]
        m = metadata[1 + int(rand() * nm)]
        again = a ~ /click/ && rand() < 0.2 ? int(rand() * 8) : 0
      } else if (again == 0 && rand() < 0.3)
        a = "error"
      id = rand() < 0.95 ? i : int(rand() * (i + 1))
      printf "{\"user_id\":\"u%d\",\"action\":\"%s\",\"page\":\"%s\",\"timestamp\":%.0f,\"event_id\":\"e%d\",\"metadata\":%s%s}\n", \
        u, a, p, t, id, m, a == "idle" ? ",\"duration\":" int(rand() * 40000) : ""
    }
  }'
}
