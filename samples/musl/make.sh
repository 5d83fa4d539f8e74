#!/bin/sh
# A system of busybox and musl, with a program on musl: make.sh OUTDIR. Needs busybox (static) and musl-gcc.
set -eu
root=$1/root
busybox=$(command -v busybox)
mkdir -p "$root/bin" "$root/lib" "$root/usr/local/bin" "$root/etc" "$root/home/app" "$root/tmp"
cp "$busybox" "$root/bin/busybox"
for applet in $("$busybox" --list); do
  [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
done
cp -L /lib/ld-musl-x86_64.so.1 "$root/lib/ld-musl-x86_64.so.1"
ln -s ld-musl-x86_64.so.1 "$root/lib/libc.musl-x86_64.so.1"
musl-gcc -O2 -s -o "$root/usr/local/bin/count" "$(dirname "$0")/count.c"
cat >"$root/etc/passwd" <<'PASSWD'
root:x:0:0:root:/root:/bin/sh
app:x:1000:1000:app:/home/app:/bin/sh
PASSWD
printf 'root:x:0:\napp:x:1000:\n' >"$root/etc/group"
