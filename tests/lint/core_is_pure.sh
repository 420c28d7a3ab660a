#!/usr/bin/env bash
# The core has no clock, no I/O, no allocation and nothing it can write to: its objects have no writable data, and
# call nothing outside the core but what is listed here. Compiled here without sanitizers, which add data of their
# own. Usage: core_is_pure.sh ROOT [CC]
set -euo pipefail
cd "$1"
cc=${2:-cc}

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
while IFS= read -r file; do
    "$cc" -std=c11 -D_GNU_SOURCE -O2 -fno-common -Iinclude -Isrc/core -c "$file" -o "$dir/$(tr / _ <<< "$file").o"
done < <(find src/core -name '*.c')

status=0
data=$(objdump -t "$dir"/*.o | awk '$4 == ".data" || $4 == ".bss" || $4 == "*COM*" { if ($NF != $4) print "  " $NF }
                                    $3 == ".data" || $3 == ".bss" { if ($NF != $3) print "  " $NF }' | sort -u)
if [ -n "$data" ]; then
    echo "the core has data that can be written:"
    echo "$data"
    status=1
fi

# memory and text in place, arithmetic, the programmer's own mistakes
allowed='^(mem(cpy|move|set|cmp|chr|rchr)|str(len|cmp|chr|nlen|spn|cspn)|snprintf|__snprintf_chk|sqrt|fabs|floor|isfinite|hypot'
allowed+='|__assert_fail|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|qsort|bl_str_.*|bl_hash(64|128))$'
nm --defined-only -g "$dir"/*.o | awk 'NF == 3 { print $3 }' | sort -u > "$dir/own"
foreign=$(nm -u "$dir"/*.o | awk '$1 == "U" { print $2 }' | sort -u | comm -23 - "$dir/own" | grep -vE "$allowed" || true)
if [ -n "$foreign" ]; then
    echo "the core uses what it must not:"
    for symbol in $foreign; do
        echo "  $symbol ($(nm -A -u "$dir"/*.o | awk -v s="$symbol" '$NF == s { print $1 }' | sed "s|$dir/||;s|\.o:.*||" | tr '\n' ' '))"
    done
    status=1
fi
exit $status
