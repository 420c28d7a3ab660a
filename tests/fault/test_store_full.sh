#!/usr/bin/env bash
# Redis has no memory left, or its disk is full: events are answered 503 at once, never 202, /ready says which it is, workers
# go on where they can, and all of it heals when there is room again; what was answered 202 has taken effect, once.
# usage: test_store_full.sh PATH_TO_BEHAVIORLENS
set -euo pipefail
bl=$1
# shellcheck source=tests/support/processes.sh
. "$(dirname "$0")/../support/processes.sh"

ready() { curl -s -m 5 "$url/ready"; }
is_ready() { ready | grep '"status":"ready"' >/dev/null; }
says() { ready | grep "\"code\":\"$1\"" >/dev/null; }
taken=0
declare -A unsure=() # users whose last event was not answered 202: a store that was slow may have it all the same
# post USER: sets $code and $ms; counts what is taken. What was not is sent again with the same event_id, as clients do.
post() {
  local answer
  [ -n "${unsure[$1]:-}" ] || { n=$((n + 1)) && unsure[$1]=$n; }
  answer=$(curl -s -o "$dir/answer" -m 20 -w '%{http_code} %{time_total}' "$url/events" \
    -d "{\"user_id\":\"$1\",\"action\":\"page_view\",\"page\":\"/p\",\"event_id\":\"e${unsure[$1]}\"}") || true
  code=${answer% *}
  ms=$(awk -v s="${answer#* }" 'BEGIN { printf "%d", s * 1000 }')
  if [ "$code" = 202 ]; then
    taken=$((taken + 1))
    unset "unsure[$1]"
  fi
}
n=0
accepted() { post "$1" && [ "$code" = 202 ]; }
refused() { post "$1" && [ "$code" = 503 ]; }
total() { curl -s -m 5 "$url/api/metrics" | jq .total_events; }
all_processed() {
  local now
  now=$(total)
  [ "$now" -ge "$taken" ] && [ "$now" -le $((taken + ${#unsure[@]})) ]
}
idle() { [ "$(curl -s -m 5 "$url/api/partitions" | jq '[.[].lag] | add')" = 0 ]; }
# five refusals, each within the 500 ms of SPEC 2.5; a machine that is busy otherwise may need some tries
at_once() {
  local best try
  for _ in 1 2 3 4 5; do
    best=100000
    for try in {1..10}; do
      [ "$best" -gt 500 ] || break
      # The torn end of a file, cut off, may leave room for one more: that one is stored, as is looked at below.
      until_true 20 refused "full-$try" || fail "$1: an event is answered $code"
      [ "$ms" -ge "$best" ] || best=$ms
    done
    [ "$best" -le 500 ] || fail "$1: 503 comes after $best ms"
  done
}
works() {
  until_true 30 is_ready || fail "$1: not ready: $(ready)"
  for _ in 1 2 3 4; do until_true 20 accepted "$2" || fail "$1: events are not taken: $(cat "$dir/answer")"; done
  until_true 20 all_processed || fail "$1: $taken events were taken, ${#unsure[@]} perhaps, $(total) have taken effect"
  until_true 10 bash -c "curl -s '$url/api/patterns?user_id=$2' | grep navigation-loop" || fail "$1: nothing is detected"
}

# --- memory
port=$(free_port)
url=http://127.0.0.1:$port
start_redis --appendonly yes --appendfsync everysec
"$bl" serve --redis "unix://$dir/redis.sock" --port $port 2>>"$dir/serve.log" &
pids+=("$!")
"$bl" worker --redis "unix://$dir/redis.sock" 2>>"$dir/worker.log" &
pids+=("$!")
works "at first" first
cli config set maxmemory 1mb >/dev/null # less than it has in use
until_true 10 says maxmemory || fail "no memory: $(ready)"
at_once "no memory"
until_true 10 idle || fail "no memory: the worker does not go on"
cli config set maxmemory 0 >/dev/null
works "memory again" second
echo "ok: memory"

# --- disk
if [ "$(id -u)" != 0 ] || ! mkdir "$dir/disk" || ! mount -t tmpfs -o size=24m none "$dir/disk" 2>"$dir/mount.log"; then
  echo "the full disk is not tested: mounting a small one takes root: $(cat "$dir/mount.log" 2>/dev/null || true)"
  exit 0
fi
unmount() {
  for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  until_true 10 umount "$dir/disk" || umount -l "$dir/disk" || true
  cleanup
}
trap unmount EXIT
fill() { dd if=/dev/zero of="$dir/disk/filler" bs=64k 2>/dev/null || true; }

for durability in everysec always; do
  echo "-- $durability"
  taken=0 unsure=()
  rm -f "$dir/up.out"
  "$bl" up --data "$dir/disk/$durability" --port 0 --durability $durability --log-level debug >"$dir/up.out" 2>"$dir/$durability.log" &
  up=$!
  pids+=("$up")
  until_true 30 grep 'Ctrl-C stops it' "$dir/up.out" || fail "up --durability $durability does not start"
  url=$(awk '/Dashboard/ { sub("/$", "", $2); print $2 }' "$dir/up.out")
  works "$durability: at first" first
  log=$dir/disk/$durability/redis.log
  mv "$log" "$dir/redis-$durability.log" # Redis opens it for each line: it shall have room for what it says
  ln -s "$dir/redis-$durability.log" "$log"
  fill
  until_true 20 refused full || fail "$durability: events are taken on a full disk"
  if [ $durability = everysec ]; then
    until_true 10 says store_disk || fail "a full disk: $(ready)"
  else # it ends rather than answer what it cannot keep, and is started again
    ended() { says redis_down || says redis_loading; }
    until_true 10 ended || fail "a full disk: $(ready)"
  fi
  at_once "$durability: a full disk"
  if [ $durability = everysec ]; then
    grep 'MISCONF.*No space left' "$dir/$durability.log" >/dev/null || fail "$durability: the log does not say why"
  else
    grep 'AOF write error' "$dir/redis-$durability.log" >/dev/null || fail "$durability: the log of Redis does not say why"
  fi
  kill -0 "$up" || fail "$durability: up ended"
  rm "$dir/disk/filler"
  works "$durability: room again" second
  kill -TERM "$up"
  wait "$up" || fail "$durability: up did not stop cleanly"
  rm -rf "${dir:?}/disk/$durability"
done
echo "ok: disk"
