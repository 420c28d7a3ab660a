#!/usr/bin/env bash
# tests/bench/run, growth and profile with next to nothing to do: every row and point yields a figure, the JSON is whole and
# tells the same as the tables. Where perf is missing or may not sample, profile is to say so.
# How fast anything was is not looked at.
# usage: test_run.sh DIRECTORY_OF_THE_BUILD
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
fail() { echo "FAIL: $*" >&2 && cat "$dir/log" >&2 && exit 1; }

"$here/run" --quick --seconds 0.1 --scale 0.01 --build "$build" --json "$dir/result" >"$dir/table" 2>"$dir/log" || fail "it ended with $?"
"$here/run" --from "$dir/result" --markdown >"$dir/markdown" 2>>"$dir/log" || fail "an earlier run is not told again"
python3 - "$here" "$dir" >"$dir/verdict" 2>&1 <<'P' || { cat "$dir/verdict" >&2 && fail "see above"; }
import json, math, re, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from rows import ROWS
with open(sys.argv[2] + "/result") as f:
    result = json.load(f)
table, markdown = (open(sys.argv[2] + "/" + name).read() for name in ("table", "markdown"))
rows = {r["name"]: r for r in result["rows"]}
assert list(rows) == list(ROWS), f"rows {list(rows)}"
for name, r in rows.items():
    for figure in ("limit", "ours", "ratio"):
        assert math.isfinite(r[figure]) and r[figure] > 0, f"{name}: {figure} is {r[figure]}"
    assert r["reached"] == (r["ratio"] >= r["target"] if r["more_is_better"] else r["ratio"] <= r["target"]), name
    assert re.search(rf"^{name}: .* {r['ratio']:.2f} ", table, re.M), f"{name} is not in the table"
    assert r["what"] in markdown, f"{name} is not in the Markdown"
assert rows["memory"]["ours"] > 100, "a user takes more than that"
assert len(result["measured"]["takeover"][0]["seconds"]) == 8, "each partition has a time"
P
"$here/growth" --quick --build "$build" --json "$dir/grown" >"$dir/tables" 2>"$dir/log" || fail "growth ended with $?"
jq -e '(.tables | keys) == ["backlog", "partitions", "users", "workers"]
  and all(.tables[]; length == 2 and all(.[]; .events > 0 and .events_per_second > 0 and .cpu_us_in_all >= 0))' "$dir/grown" >/dev/null ||
  fail "growth: $(cat "$dir/grown")"
[ "$(grep -c '^dearest / cheapest: [0-9]' "$dir/tables")" = 4 ] || fail "growth: a table is missing"

if "$here/run" --build "$build" --only nothing 2>"$dir/log"; then fail "a row that is not there was taken"; fi
grep 'there is no row nothing' "$dir/log" >/dev/null || fail "it does not say what is wrong"
if "$here/profile" nothing --build "$build" 2>"$dir/log"; then fail "a load that is not there was taken"; fi
grep 'there is no load nothing' "$dir/log" >/dev/null || fail "it does not say what is wrong"

code=0
"$here/profile" active --seconds 0.5 --build "$build" >"$dir/profile" 2>"$dir/log" || code=$?
if [ $code = 2 ]; then
  grep 'perf cannot sample' "$dir/log" >/dev/null || fail "profile does not say why it cannot"
else
  [ $code = 0 ] || fail "profile ended with $code"
  for row in 'kernel: sockets' 'ours: core' 'in all' "Redis' commands"; do
    grep "$row" "$dir/profile" >/dev/null || fail "profile has nothing of $row: $(cat "$dir/profile")"
  done
fi
echo "ok: $(grep -c . "$dir/table") lines"
