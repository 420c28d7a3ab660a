#!/usr/bin/env bash
# No file over 500 lines, no function over 70. Usage: sizes.sh ROOT
set -euo pipefail
cd "$1"

status=0
while IFS= read -r file; do
    lines=$(wc -l < "$file")
    if [ "$lines" -gt 500 ]; then
        echo "$file: $lines lines; 500 is the ceiling"
        status=1
    fi
done < <(find src include lua tests \( -name '*.[ch]' -o -name '*.cc' -o -name '*.lua' -o -name '*.sh' -o -name '*.def' \))

if ! ctags --version 2> /dev/null | grep -q Universal; then
    echo "universal-ctags is not here: the length of functions is not checked"
    exit $status
fi
long=$(find src include tests -name '*.[ch]' -o -name '*.cc' |
    ctags -L - --fields=+ne --kinds-C=f --kinds-C++=f --languages=C,C++ -o - |
    awk -F '\t' '{ line = 0; end = 0
                   for (i = 4; i <= NF; i++) { if ($i ~ /^line:/) line = substr($i, 6)
                                               if ($i ~ /^end:/) end = substr($i, 5) }
                   if (end - line + 1 > 70) printf "%s:%d: %s has %d lines; 70 is the ceiling\n", $2, line, $1, end - line + 1 }')
if [ -n "$long" ]; then
    echo "$long"
    status=1
fi
exit $status
