# Shared by the end-to-end scripts: source it after `set -euo pipefail`. Gives $work, a directory that is removed at
# the end together with every process noted in $started.
# shellcheck source=tests/support/ports.sh
. "$(dirname "${BASH_SOURCE[0]}")/ports.sh"
work=$(mktemp -d /tmp/bl-e2e-XXXXXX)
started=()

clean_up() {
    local status=$? pid
    for pid in "${started[@]}"; do
        kill -9 "$pid" 2> /dev/null || true
    done
    [ $status -eq 0 ] || tail -n 40 "$work"/*.err "$work"/*.out 2> /dev/null || true
    # A killed supervisor's children end by themselves, a moment later.
    rm -rf "$work" 2> /dev/null || { sleep 1 && rm -rf "$work"; }
    exit $status
}
trap clean_up EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# eventually SECONDS COMMAND...: repeats it until it succeeds: SECONDS on a quiet machine, six times that on one that has much
# else to do, or a slow disk. Who comes early waits no longer for it.
eventually() {
    local end=$((SECONDS + 1 + 6 * $1))
    shift
    until "$@" > /dev/null 2>&1; do
        [ $SECONDS -lt $end ] || fail "did not happen in time: $*"
        sleep 0.05
    done
}

gone() { ! kill -0 "$1" 2> /dev/null; }
