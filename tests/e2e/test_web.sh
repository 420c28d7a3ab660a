#!/usr/bin/env bash
# What serve delivers to browsers, asked with real curl: dashboard, demo shop, tracker, the API's description. Built
# without the web side, it says how to have one. Usage: test_web.sh PROGRAM ON|OFF
set -euo pipefail
bl=$1 web=$2
# shellcheck source=../support/e2e.sh
. "$(dirname "$0")/../support/e2e.sh"

port=$(free_port)
at=http://127.0.0.1:$port
"$bl" serve --redis "unix://$work/no.sock" --port "$port" 2> "$work/serve.err" &
started+=($!)
eventually 20 curl -fsS "$at/health"

# get PATH [CURL OPTIONS]: status on stdout; head and body in files
get() { : > "$work/body"; curl -sS --path-as-is -o "$work/body" -D "$work/head" -w '%{http_code}' "${@:2}" "$at$1"; }
head_has() { tr -d '\r' < "$work/head" | grep -i "^$1: $2\$" > /dev/null || fail "$3: no header $1: $2 in $(cat "$work/head")"; }
head_lacks() { ! grep -i "^$1:" "$work/head" > /dev/null || fail "$2: header $1"; }
is() { [ "$(get "$1" "${@:3}")" = "$2" ] || fail "$1 ${*:3} is not answered $2"; }

# --- in every build
is /openapi.json 200
head_has content-type 'application/json; charset=utf-8' /openapi.json
jq -e '.openapi and .paths["/api/stream"]' "$work/body" > /dev/null || fail "the description"
is /nowhere 404
jq -e '.error.code == "not_found"' "$work/body" > /dev/null || fail "an unknown path is answered in JSON"
for path in /assets/nothing.js /demo/assets/nothing.js /assets/../index.html /assets/..%2findex.html /demo/../index.html \
    /demo/..%2f..%2fetc%2fpasswd /demo/nothing.js /..%2f..%2fetc/passwd /assets/ /assets //; do
    is "$path" 404
done
is /demo 405 -X DELETE
is / 405 -X POST
if [ "$web" != ON ]; then
    for path in / /dashboard /demo /demo/cart; do
        is "$path" 200
        head_has content-type 'text/plain; charset=utf-8' "$path"
        grep BL_WEB=ON "$work/body" > /dev/null || fail "$path does not say how to build it"
    done
    echo "ok (without the web side)"
    exit 0
fi

# --- pages: never stale, strict policy
for path in / /dashboard '/?type=abandonment' /demo /demo/ /demo/cart '/demo/products/7?x=.js'; do
    is "$path" 200
    head_has content-type 'text/html; charset=utf-8' "$path"
    head_has cache-control no-cache "$path"
    head_has content-security-policy "default-src 'none'; .*frame-ancestors 'none'" "$path"
    head_has x-content-type-options nosniff "$path"
    head_has referrer-policy no-referrer "$path"
    head_has permissions-policy '.*' "$path"
    ! grep -iE '<script[^>]*>[^<]|<style|style=|onclick=' "$work/body" > /dev/null || fail "$path has something inline"
done
! grep -i unsafe "$work/head" > /dev/null || fail "an unsafe policy"
is / 200
cp "$work/body" "$work/page"
is /dashboard 200
cmp "$work/body" "$work/page" || fail "/dashboard is not the page at /"

# --- files, in each coding, byte for byte the same
scripts=$({ curl -fsS "$at/"; curl -fsS "$at/demo/"; } | grep -oE '(/demo)?/assets/[^"]+')
[ "$(wc -l <<< "$scripts")" -ge 2 ] || fail "the pages name no files"
for path in $scripts /tracker.js /openapi.json / /demo; do
    is "$path" 200 -H 'Accept-Encoding: identity'
    head_lacks content-encoding "$path"
    cp "$work/body" "$work/plain"
    etag=$(tr -d '\r' < "$work/head" | awk 'tolower($1) == "etag:" { print $2 }')
    for coding in br gzip; do
        is "$path" 200 -H "Accept-Encoding: $coding"
        grep -i '^content-encoding:' "$work/head" > /dev/null || continue # not smaller in it
        head_has content-encoding "$coding" "$path"
        head_has vary accept-encoding "$path"
        [ "$(get "$path" --compressed -H "Accept-Encoding: $coding")" = 200 ] || fail "$path in $coding"
        cmp "$work/body" "$work/plain" || fail "$path in $coding is not the same"
    done
    is "$path" 304 -H "If-None-Match: $etag"
    [ ! -s "$work/body" ] || fail "a 304 with a body"
    is "$path" 304 -H "If-None-Match: \"x\", $etag" -H 'Accept-Encoding: br'
    is "$path" 200 -H 'If-None-Match: W/"0"'
    curl -fsSI "$at$path" -H 'Accept-Encoding: identity' | tr -d '\r' > "$work/head"
    head_has content-length "$(wc -c < "$work/plain")" "HEAD $path"
done
for path in $scripts; do
    is "$path?v=1" 200
    head_has cache-control 'public, max-age=31536000, immutable' "$path"
done
script=$(grep '^/assets/.*\.js$' <<< "$scripts" | sed -n 1p)
# asked: what is sent
while read -r wanted coding; do
    is "$script" 200 -H "Accept-Encoding: $wanted"
    [ "$coding" = identity ] && head_lacks content-encoding "$wanted" || head_has content-encoding "$coding" "$wanted"
done << 'TABLE'
br;q=0.1,gzip;q=0.9 gzip
gzip,deflate,br,zstd br
*;q=0.5,br;q=0 gzip
br;q=0,gzip;q=0.000 identity
GZIP gzip
zstd identity
identity;q=1,br;q=0.5 identity
TABLE
is /tracker.js 200
head_has cross-origin-resource-policy cross-origin /tracker.js
head_has access-control-allow-origin '\*' /tracker.js
head_has content-type 'text/javascript; charset=utf-8' /tracker.js
for path in /favicon.ico /favicon.svg; do
    is "$path" 200
    head_has content-type 'image/svg+xml' "$path"
done
echo "ok"
