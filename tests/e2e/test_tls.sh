#!/usr/bin/env bash
# HTTPS by certificate files: TLS 1.2 and up, HTTP/1.1 alone, a renewed certificate is taken without a restart, `up`
# follows. Usage: test_tls.sh PROGRAM
set -euo pipefail
program=$1
# shellcheck source=../support/e2e.sh
. "$(dirname "$0")/../support/e2e.sh"
unset PORT

certificate() { # NAME, into $work/tls.{crt,key}
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$1" \
        -addext "subjectAltName=DNS:$1,IP:127.0.0.1" -keyout "$work/new.key" -out "$work/new.crt" 2> /dev/null
    mv "$work/new.key" "$work/tls.key"
    mv "$work/new.crt" "$work/tls.crt"
}

shown() { # the name in the certificate that is served
    openssl s_client -connect "127.0.0.1:$port" "$@" < /dev/null 2> /dev/null | openssl x509 -noout -subject 2> /dev/null
}
serves() { shown | grep -F "$1" > /dev/null; }
refused() { ! openssl s_client -connect "127.0.0.1:$port" "$@" < /dev/null > "$work/refused" 2>&1; }

certificate one.example
"$program" up --port 0 --data "$work/data" --tls-cert "$work/tls.crt" --tls-key "$work/tls.key" \
    --head-timeout 4s > "$work/up.out" 2> "$work/up.err" &
pid=$!
started+=("$pid")
eventually 60 grep "Ctrl-C stops it" "$work/up.out"

echo "-- up says https, and events are taken there"
url=$(awk '/ POST / { sub("/events$", "", $3); print $3 }' "$work/up.out")
port=${url##*:}
case $url in https://*) ;; *) fail "up says $url" ;; esac
curl -fsS --cacert "$work/tls.crt" "$url/events" -d '{"user_id":"u","action":"click","page":"/p"}' > "$work/answer"
grep '"status":"accepted"' "$work/answer" > /dev/null || fail "$(cat "$work/answer")"

echo "-- plain HTTP on that port is no HTTP"
! curl -s "http://127.0.0.1:$port/health" > "$work/plain" || fail "plain: $(cat "$work/plain")"

echo "-- TLS 1.2 and 1.3, nothing older, no weak cipher, no HTTP/2"
shown -tls1_3 > /dev/null || fail "no TLS 1.3"
shown -tls1_2 > /dev/null || fail "no TLS 1.2"
refused -tls1_1 -cipher 'ALL:@SECLEVEL=0' || fail "TLS 1.1: $(cat "$work/refused")"
refused -tls1_2 -cipher 'AES256-SHA:AES128-SHA:AES128-GCM-SHA256:@SECLEVEL=0' || fail "weak: $(cat "$work/refused")"
openssl s_client -connect "127.0.0.1:$port" -alpn h2,http/1.1 < /dev/null > "$work/alpn" 2>&1
grep 'ALPN protocol: http/1.1' "$work/alpn" > /dev/null || fail "ALPN: $(grep ALPN "$work/alpn")"
openssl s_client -connect "127.0.0.1:$port" -alpn h2 < /dev/null > "$work/alpn" 2>&1 || true
! grep 'ALPN protocol: h2' "$work/alpn" > /dev/null || fail "h2 is offered"

echo "-- a connection that does not shake hands does no harm"
exec 7<> "/dev/tcp/127.0.0.1/$port"
printf 'GET / HTTP/1.1\r\n' >&7
exec 8<> "/dev/tcp/127.0.0.1/$port"
curl -fsS --cacert "$work/tls.crt" "$url/health" > /dev/null

timeout 60 cat <&8 > "$work/silent" || fail "a client that says nothing keeps its connection"
exec 8<> "/dev/tcp/127.0.0.1/$port"

echo "-- connections that are reset are gone"
python3 - "$port" << 'EOF'
import socket, ssl, struct, sys
context = ssl._create_unverified_context()
for round in range(2):
    for i in range(60):
        s = context.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1]))))
        if i % 3 == 1:
            s.sendall(b"GET /heal")
        if i % 3 == 2:
            s.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            s.recv(4096)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close() # reset
EOF
few_open() {
    curl -fsS --cacert "$work/tls.crt" "$url/metrics" > "$work/metrics"
    awk '/^behaviorlens_process_http_connections_open/ { n = $NF; found = 1 } END { exit !(found && n < 10) }' "$work/metrics"
}
eventually 20 few_open

echo "-- a renewed certificate is taken; one that does not fit its key is not"
serves one.example || fail "not one.example"
certificate two.example
eventually 20 serves two.example
cp "$work/tls.key" "$work/good.key"
openssl ecparam -name prime256v1 -genkey -noout -out "$work/tls.key"
eventually 20 grep 'TLS key cannot be used' "$work/up.err"
serves two.example || fail "not two.example any more"
curl -fsS --cacert "$work/tls.crt" "$url/health" > /dev/null

echo "-- stops cleanly, with connections in the middle of a handshake"
kill -INT "$pid"
status=0
wait "$pid" || status=$?
[ $status -eq 0 ] || fail "exit status $status"

echo "-- what does not fit is said at the start"
! "$program" up --port 0 --data "$work/data" --tls-cert "$work/tls.crt" 2> "$work/no.err" > /dev/null || fail "cert alone"
grep 'belong together' "$work/no.err" > /dev/null || fail "$(cat "$work/no.err")"
! "$program" up --port 0 --data "$work/data" --tls-cert "$work/none" --tls-key "$work/tls.key" 2> "$work/no.err" > /dev/null || fail "no file"
grep 'cannot read the certificate' "$work/no.err" > /dev/null || fail "$(cat "$work/no.err")"
! "$program" up --demo --port 0 --data "$work/data" --tls-cert "$work/tls.crt" --tls-key "$work/tls.key" 2> "$work/no.err" > /dev/null || fail "demo"
! "$program" serve --port 0 --tls-cert "$work/tls.crt" --tls-key "$work/tls.key" 2> "$work/no.err" > /dev/null || fail "wrong key"
grep 'TLS key cannot be used' "$work/no.err" > /dev/null || fail "$(cat "$work/no.err")"
