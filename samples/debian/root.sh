#!/bin/sh
# Makes the file system that the Debian samples share: root.sh OUT.tar
# Debian 12 with a shell, Python, Node, Redis, nginx, a Java runtime and time zones, without documentation. Needs mmdebstrap and a
# Debian mirror: the machine's own package sources if it runs Debian 12, else mmdebstrap's default.
set -eu
[ $# -eq 1 ] || { echo "usage: $0 OUT.tar" >&2; exit 2; }
samples=$(cd "$(dirname "$0")/.." && pwd)
packages=python3,nodejs,redis-server,nginx-light,openjdk-17-jre-headless,ecj,tzdata

# The samples' own Java class is compiled inside; the compiler does not stay. update-alternatives of Java needs a
# directory for the manual pages that are left out.
set -- --quiet --variant=minbase --include="$packages" \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --essential-hook='mkdir -p "$1/usr/share/man/man1"' \
  --customize-hook="copy-in '$samples/java/Hello.java' /tmp" \
  --customize-hook='mkdir -p "$1/opt/hello" && chroot "$1" ecj -17 -proc:none -d /opt/hello /tmp/Hello.java' \
  --customize-hook='chroot "$1" dpkg --purge ecj >/dev/null' \
  --customize-hook='rm -rf "$1/tmp/Hello.java"' \
  bookworm "$1"

if grep -q '^VERSION_CODENAME=bookworm$' /etc/os-release; then
  for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
    if [ -f "$list" ] && grep -q bookworm "$list"; then set -- "$@" "$list"; fi
  done
fi
SOURCE_DATE_EPOCH=1700000000 exec mmdebstrap "$@"
