#!/bin/sh
# A static program: make.sh OUTDIR
set -eu
"${CC:-cc}" -O2 -s -static -o "$1/static" "$(dirname "$0")/static.c"
