#!/usr/bin/env bash
# A Redis that is too old is refused by every role, with a sentence. There is none to install beside the current one, so a real
# one is asked through a proxy that changes a single digit of what it says of itself.
# Usage: test_old_redis.sh PROGRAM
set -euo pipefail
bl=$1
# shellcheck source=tests/support/processes.sh
. "$(dirname "$0")/../support/processes.sh"

start_redis
cat >"$dir/proxy.py" <<'P'
import asyncio, sys

async def pump(reader, writer, change):
    while data := await reader.read(65536):
        writer.write(data.replace(b'redis_version:7.', b'redis_version:6.') if change else data)
        await writer.drain()
    writer.close()

async def client(reader, writer):
    r, w = await asyncio.open_unix_connection(sys.argv[1])
    await asyncio.gather(pump(reader, w, False), pump(r, writer, True), return_exceptions=True)

async def main():
    server = await asyncio.start_unix_server(client, sys.argv[2])
    async with server:
        await server.serve_forever()

asyncio.run(main())
P
python3 "$dir/proxy.py" "$dir/redis.sock" "$dir/old.sock" 2>"$dir/proxy.log" &
pids+=($!)
until_true 10 redis-cli -s "$dir/old.sock" ping || fail "no proxy"
redis-cli -s "$dir/old.sock" info server | grep 'redis_version:6' >/dev/null || fail "the proxy changes nothing"

printf 'alerts:\n- {name: a, webhook: "https://example.com/x"}\n' >"$dir/alerts.yaml"
redis=unix://$dir/old.sock
refused() { # NAME ARGS...
  local name=$1 status=0
  shift
  ANTHROPIC_API_KEY=sk-x timeout 120 "$bl" "$@" >"$dir/$name.out" 2>&1 || status=$?
  [ $status -eq 1 ] || fail "$name: status $status: $(cat "$dir/$name.out")"
  grep 'version 7.0 or later is needed' "$dir/$name.out" >/dev/null || fail "$name says: $(cat "$dir/$name.out")"
}
for role in serve worker explain alerts; do
  args=("$role" --redis "$redis" --durability none --config "$dir/alerts.yaml")
  [ $role != serve ] || args+=(--port 0)
  refused $role "${args[@]}"
done
refused rules rules show --redis "$redis"
refused from-redis replay --from-redis --redis "$redis"
[ "$(cli dbsize)" = 0 ] || fail "something was written: $(cli --scan)"
echo ok
