#!/usr/bin/env bash
# The shell scripts parse, stop at errors, and (where shellcheck is there) have none it knows. Usage: scripts.sh ROOT
set -euo pipefail
cd "$1"
scripts=$(find deploy .ci tests -type f \( -name '*.sh' -o -perm -100 \) | xargs grep -lE '^#!.*\b(ba)?sh\b')
status=0
for script in $scripts; do
    bash -n "$script" || status=1
    grep -q '^set -euo pipefail' "$script" || { echo "$script: does not set -euo pipefail" && status=1; }
done
if command -v shellcheck > /dev/null; then
    # shellcheck disable=SC2086
    shellcheck -x -P SCRIPTDIR -S warning $scripts || status=1
fi
exit $status
