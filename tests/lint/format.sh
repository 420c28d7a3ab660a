#!/usr/bin/env bash
# All C and C++ is as clang-format leaves it. Usage: format.sh ROOT
set -euo pipefail
cd "$1"
if ! command -v clang-format > /dev/null; then
    echo "clang-format is not here: not checked"
    exit 77
fi
find src include tests \( -name '*.[ch]' -o -name '*.cc' \) -print0 | xargs -0 clang-format --dry-run -Werror
