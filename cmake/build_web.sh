#!/bin/sh
# Usage (under a lock on DASHBOARD): build_web.sh NPM DASHBOARD OUT. Installs what package-lock.json names unless it is
# there already (npm writes node_modules/.package-lock.json last), then builds into OUT.
set -eu
npm=$1 web=$2 out=$3
cd "$web"
# shellcheck disable=SC3013 # dash has -nt
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    "$npm" ci --no-audit --no-fund
    touch node_modules/.package-lock.json
fi
BL_WEB_OUT=$out "$npm" run --silent build
