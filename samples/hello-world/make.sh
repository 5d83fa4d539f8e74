#!/bin/sh
# A dynamic program on glibc: make.sh OUTDIR
set -eu
"${CC:-cc}" -O2 -s -o "$1/hello" "$(dirname "$0")/hello.c"
