#!/usr/bin/env bash
# The ways in which tests make the program die are compiled into debug builds alone.
# usage: hooks.sh PROGRAM BUILD_TYPE
set -euo pipefail
n=$(grep -c BEHAVIORLENS_TEST_ "$1" || true)
if [ "$2" = Debug ]; then [ "$n" -gt 0 ]; else [ "$n" -eq 0 ]; fi
