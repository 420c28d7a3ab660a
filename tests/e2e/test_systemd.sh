#!/usr/bin/env bash
# The units of deploy/systemd: what systemd says of them, and that what deploy/systemd/install makes (users, secrets,
# settings) runs: Redis by its conf and ACL file, each role by its environment file.
# Usage: test_systemd.sh PROGRAM SOURCES
set -euo pipefail
program=$1
sources=$2
# shellcheck source=tests/support/e2e.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"
root=$work/root
etc=$root/etc/behaviorlens

install() { DESTDIR=$root "$sources/deploy/systemd/install" "$program" > "$work/install.out"; }
install
for file in config.yaml redis.acl {serve,worker,explain,alerts,admin,operator}.env; do
    [ "$(stat -c %a "$etc/$file")" = 600 ] || fail "$file is open to others"
done
grep -E '>[A-Z]+ ' "$etc/redis.acl" && fail "a user without a secret"
cp "$etc/redis.acl" "$work/acl"
install
cmp "$etc/redis.acl" "$work/acl" || fail "a second install made other secrets"

if command -v systemd-analyze > /dev/null; then
    mkdir "$work/units"
    for unit in "$sources"/deploy/systemd/*.service; do
        # shellcheck disable=SC2016
        sed "s#/usr/bin/behaviorlens#$program#; s#/usr/lib/behaviorlens/mend-aof#$sources/deploy/systemd/mend-aof#; s#/usr/bin/redis-server#$(command -v redis-server)#" \
            "$unit" > "$work/units/$(basename "$unit")"
    done
    for unit in "$work"/units/*.service; do
        name=$(basename "$unit" .service)
        systemd-analyze verify --man=no "$unit" > "$work/verify.out" 2>&1 || fail "$name: $(cat "$work/verify.out")"
        if grep "$name" "$work/verify.out"; then fail "systemd complains of $name"; fi
        systemd-analyze security --offline=true --threshold=20 --no-pager "$unit" > "$work/security.out" 2>&1 ||
            fail "$name is too open: $(tail -n 1 "$work/security.out")"
    done
else
    echo "systemd-analyze is not here: the units are not verified"
fi

# --- as systemd would start them
mkdir "$work/data"
sed "s#/run/behaviorlens-redis/#$work/#; s#/var/lib/behaviorlens-redis#$work/data#" "$etc/redis.conf" > "$work/redis.conf"
start_redis() {
    "$root/usr/lib/behaviorlens/mend-aof" "$work/data" > "$work/mend.out" 2>&1 || fail "mend-aof: $(cat "$work/mend.out")"
    redis-server "$work/redis.conf" --aclfile "$etc/redis.acl" > "$work/redis.out" &
    redis=$!
    started+=("$redis")
    eventually 10 test -S "$work/redis.sock"
}
url_of() { sed -n "s#@/run/behaviorlens-redis/#@$work/#; s#^BL_REDIS=##p" "$etc/$1.env"; }
cli() { # user command...
    local user=$1 password
    password=$(sed -n 's#.*:\([0-9a-f]*\)@.*#\1#p' "$etc/$user.env")
    shift
    REDISCLI_AUTH=$password redis-cli -s "$work/redis.sock" --user "$user" --raw "$@"
}
start_redis
turned_away() { redis-cli -s "$work/redis.sock" get x 2>&1 | grep NOAUTH; }
eventually 10 turned_away
port=$(free_port)
BL_REDIS=$(url_of serve) "$program" serve --config "$etc/config.yaml" --port $port 2> "$work/serve.err" &
started+=("$!")
BL_REDIS=$(url_of worker) "$program" worker --config "$etc/config.yaml" 2> "$work/worker.err" &
worker=$!
started+=("$worker")
eventually 15 curl -fsS "http://127.0.0.1:$port/ready"
for _ in 1 2 3; do curl -fsS -o /dev/null "http://127.0.0.1:$port/events" -d '{"user_id":"u","action":"page_view","page":"/p"}'; done
found() { curl -fsS "http://127.0.0.1:$port/api/patterns" | grep navigation-loop; }
eventually 10 found
# A person's commands, as the README has them: the file is all that they need.
sed "s#@/run/behaviorlens-redis/#@$work/#; s#=/etc/behaviorlens/#=$etc/#" "$etc/admin.env" > "$work/admin.env"
as_admin() {
    set -a
    # shellcheck source=/dev/null
    . "$work/admin.env"
    "$program" "$@"
}
(as_admin inspect lag) > "$work/lag" || fail "inspect as admin"
(as_admin rules history) > "$work/history" || fail "rules as admin"
[ "$(cli operator acl log | grep -c '^username$' || true)" -le 1 ] || fail "refused: $(cli operator acl log)"

# --- the machine dies in the middle of a transaction; a slow disk may not have any yet
file=$(ls "$work"/data/appendonlydir/*.incr.aof)
eventually 10 grep -aF $'*1\r\n$4\r\nEXEC\r' "$file"
kill -9 "$worker" "$redis"
wait "$worker" "$redis" 2> /dev/null || true
rm "$work/redis.sock"
exec=$(grep -abo -F $'*1\r\n$4\r\nEXEC\r' "$file" | cut -d: -f1 | tail -n 1)
truncate -s $((exec + 3)) "$file"
start_redis
grep 'bytes are cut off' "$work/mend.out" > /dev/null || fail "a torn file is not mended: $(cat "$work/mend.out")"
redis-check-aof "$work/data/appendonlydir/appendonly.aof.manifest" > "$work/check.out" 2>&1 || fail "$(cat "$work/check.out")"
eventually 15 curl -fsS "http://127.0.0.1:$port/health"
echo ok
