#!/bin/bash
# Arguments, an environment variable, arrays, a pipe to another program, a scratch file.
set -euo pipefail
printf 'bash in %s as %s:%s\n' "$PWD" "$(id -u)" "$(id -g)"
printf 'argument %s\n' "$@"
read -ra words <<<"$WORDS"
echo "${#words[@]} words, the last is ${words[-1]}"
seq 1 100 | awk '{ sum += $1 } END { print "the sum is", sum }'
echo scratch >/tmp/note
read -r note </tmp/note && echo "$note"
