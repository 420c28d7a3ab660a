#!/usr/bin/env bash
# Includes go one way: main -> {store, http, file, outbound} -> app -> {wire, config} -> core -> base, and each third-party
# library is seen by its own layer alone (src/ARCHITECTURE.md). Usage: layers.sh ROOT
set -euo pipefail
cd "$1"

declare -A may=(
    [base]="base"
    [core]="base core"
    [wire]="base core wire"
    [config]="base core config"
    [app]="base core wire config app"
    [store]="base core wire config app store"
    [file]="base core wire config app file"
    [http]="base core wire config app http"
    [outbound]="base core wire config app outbound"
    [main]="base core wire config app store file http outbound main"
)
declare -A library=(
    [h2o.h]="http" [h2o/]="http" [hiredis/]="store main" [simdjson.h]="wire" [jansson.h]="wire http store main app"
    [yaml.h]="config" [uv.h]="store http outbound main" [zlib.h]="file http" [openssl/]="app http outbound store" [curl/]="outbound"
)

status=0
complain() {
    echo "$1: $2"
    status=1
}

check_file() { # layer file
    local layer=$1 file=$2 line name target prefix
    while IFS= read -r line; do
        name=$(sed -E 's/^[0-9]+: *# *include *[<"]([^>"]+)[>"].*/\1/' <<< "$line")
        case $name in
        ../*) complain "$file:${line%%:*}" "includes $name: name it from its layer's directory" ;;
        bl/*)
            target=${name#bl/}
            target=${target%%/*}
            [[ " ${may[$layer]} " == *" $target "* ]] ||
                complain "$file:${line%%:*}" "layer $layer may not include layer $target ($name)"
            ;;
        esac
        for prefix in "${!library[@]}"; do
            if [[ $name == "$prefix"* && " ${library[$prefix]} " != *" $layer "* ]]; then
                complain "$file:${line%%:*}" "layer $layer may not see $name (only: ${library[$prefix]})"
            fi
        done
    done < <(grep -nE '^ *# *include' "$file" || true)
}

files=0
for layer in "${!may[@]}"; do
    for dir in "src/$layer" "include/bl/$layer"; do
        [ -d "$dir" ] || continue
        while IFS= read -r file; do
            files=$((files + 1))
            check_file "$layer" "$file"
        done < <(find "$dir" -name '*.[ch]' -o -name '*.cc' -o -name '*.def')
    done
done
[ "$files" -gt 0 ] || { echo "no file was read" && exit 1; }
exit $status
