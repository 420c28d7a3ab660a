#!/usr/bin/env bash
# The command line: help, versions, mistakes, and `config`. Usage: test_cli.sh PROGRAM ROOT
set -euo pipefail
program=$1
root=$2
# shellcheck source=../support/e2e.sh
. "$(dirname "$0")/../support/e2e.sh"
unset PORT

# wrong STATUS PATTERN ARGS...: exits so, and says so on standard error.
wrong() {
    local want=$1 says=$2 status=0
    shift 2
    "$program" "$@" > "$work/wrong.out" 2> "$work/wrong.err" || status=$?
    [ $status -eq "$want" ] || fail "$*: exit status $status"
    grep -q -e "$says" "$work/wrong.err" || fail "$*: wanted \"$says\", got: $(cat "$work/wrong.err")"
}

"$program" --version | grep -E '^behaviorlens [0-9]+\.[0-9]+\.[0-9]+$' > /dev/null
"$program" --help > "$work/help.out"
[ "$(wc -l < "$work/help.out")" -le 30 ] || fail "--help is too long for a screen"
for command in up serve worker simulate replay config inspect rules key explain alerts; do
    grep -q "^  $command " "$work/help.out" || fail "--help does not name $command"
    "$program" $command --help > "$work/$command.help"
    grep -e '--config FILE' "$work/$command.help" >/dev/null || fail "$command --help"
done
wrong 2 'did you mean `worker`' wroker
wrong 2 'behaviorlens --help' frobnicate
wrong 2 'did you mean --port' serve --prot 1
wrong 2 'not an option of `serve`' serve --users 3
wrong 2 'takes no arguments' config here
wrong 2 'No such file' config --config "$work/nowhere"

# What the first argument may be is in the help, and the same after a mistake.
for command in inspect rules key; do
    case $command in
    key) words='create make list revoke' ;;
    inspect) words='state lag leases workers users user patterns pattern metrics entries keys' ;;
    rules) words='show history diff apply' ;;
    esac
    "$program" $command --help > "$work/words.out"
    wrong 2 "usage: behaviorlens $command" $command frobnicate
    for word in $words; do
        line=$(grep -E "^  $word +(ID |FILE )? *[a-z]" "$work/words.out") || fail "$command --help does not tell of $word"
        grep -F -x -e "$line" "$work/wrong.err" > /dev/null || fail "$command: the mistake is told otherwise than the help: $line"
    done
done

# `config` takes every option that it prints.
"$program" config --help > "$work/config.help"
env -i "$program" config > "$work/config.out"
while read -r name; do
    grep -e "--$name\( \|$\)" "$work/config.help" > /dev/null || fail "config --help: no --$name"
done < <(sed -nE 's/^([a-z-]+): .* # default$/\1/p' "$work/config.out" | grep -vx alerts)
env -i "$program" config --workers 2 --demo --users=7 --explain-calls 3 > "$work/config.out"
for line in 'workers: 2 .*--workers' 'demo: yes .*--demo' 'users: 7 .*--users' 'explain-calls: 3 .*--explain-calls'; do
    grep -E "^${line/ .\*/ +# flag }\$" "$work/config.out" > /dev/null || fail "config: wanted $line"
done
wrong 2 'not an option of `config`' config --compare x

# What `config` prints is a file that gives the same configuration.
env -i BL_PORT=99 "$program" config --config "$root/deploy/presets/behaviourlens.yaml" > "$work/one.yaml"
grep -q 'port: 99 *# environment BL_PORT' "$work/one.yaml"
grep -q 'behaviourlens.yaml:[0-9]*$' "$work/one.yaml"
env -i "$program" config --config "$work/one.yaml" > "$work/two.yaml"
diff <(sed 's/ *# .*//' "$work/one.yaml") <(sed 's/ *# .*//' "$work/two.yaml")
env -i "$program" config --json --log-level warn > "$work/one.json"
[ "$(jq -r '."log-level".source' "$work/one.json")" = "flag --log-level" ]
[ "$(jq -r '.rules.hesitation.low.value' "$work/one.json")" = 10000 ]

# Every option of the table is in somebody's help.
cat "$work"/*.help > "$work/all.help"
while read -r name; do
    grep -q -- "--$name\( \|$\)" "$work/all.help" || fail "--$name is in no --help"
done < <(sed -nE 's/^BL_OPTION\([A-Z_]+, "([a-z-]+)",.*/\1/p' "$root/include/bl/config/options.def")

# Without Redis: where it was looked for, without the password, and what helps.
for command in serve worker; do
    case $command in serve) port=(--port 0) ;; *) port=() ;; esac
    "$program" $command "${port[@]}" --redis redis://:hush-hush@127.0.0.1:1 > "$work/away.out" 2> "$work/away.log" &
    started+=("$!")
    eventually 20 grep -q 'redis is away.*127\.0\.0\.1:1;.*--redis.*behaviorlens up' "$work/away.log"
    kill "$!"
    wait "$!" || fail "$command does not stop well without redis"
    [ "$(grep -c hush-hush "$work/away.log")" -eq 0 ] || fail "$command logs a password"
done
