#!/bin/sh
# Makes a stand-in for a built Graphene in OUTDIR (STAND-IN.md says what it is): build-graphene.sh OUTDIR RELEASE
# RELEASE is f51aafddf, 1.1 or 1.2-rc1. Needs what build.sh needs and, for the token tool, python3 and python3-protobuf
# (without protobuf the tree has no Python).
set -eu

[ $# -eq 2 ] || { echo "usage: $0 OUTDIR RELEASE" >&2; exit 2; }
case $2 in
  f51aafddf) number=10 ;;
  1.1) number=11 ;;
  1.2-rc1) number=12 ;;
  *) echo "$0: $2: expected f51aafddf, 1.1 or 1.2-rc1" >&2; exit 2 ;;
esac
sources=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
cc=${CC:-cc}
runtime=$out/graphene/Runtime
libdir=$out/usr/lib/x86_64-linux-gnu
LC_ALL=C
export LC_ALL
umask 022
cd "$sources"

compile() {
  # shellcheck disable=SC2086 # CFLAGS are words
  "$cc" -std=gnu11 -O2 -Wall -Wextra ${CFLAGS-} -D_GNU_SOURCE -DGRAPHENE_RELEASE=$number -fno-ident \
    -ffile-prefix-map="$sources"=. -Wl,--build-id=none -s "$@"
}

freestanding() {
  compile -shared -fPIC -ffreestanding -nostdlib -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none "$@"
}

mkdir -p "$runtime" "$libdir" "$out/lib64"
for name in libsysdb.so ld-linux-x86-64.so.2 libc.so.6 libdl.so.2 libm.so.6 libpthread.so.0 librt.so.1; do
  freestanding -Wl,-soname,"$name" -o "$runtime/$name" runtime/library.c
done
freestanding -DPAL_KIND=2 -Wl,-T,runtime/pal.lds -o "$runtime/libpal-Linux-SGX.so" runtime/pal.c
freestanding -DPAL_KIND=1 -Wl,-T,runtime/pal.lds -o "$runtime/libpal-Linux.so" runtime/pal.c
common='report.c files.c sha256.c toml.c toml-scanner.c toml-value.c graphene/keys.c'
# shellcheck disable=SC2086 # the list is words
compile -static -o "$runtime/pal-Linux" $common graphene/direct.c
freestanding -Wl,-soname,libprotobuf-c.so.1 -o "$libdir/libprotobuf-c.so.1" sgx/protobuf-c.c
# shellcheck disable=SC2086
compile -fPIE -pie -Wl,--dynamic-linker,/lib64/ld-linux-x86-64.so.2 -o "$runtime/pal-Linux-SGX" \
  $common graphene/sgx.c "$libdir/libprotobuf-c.so.1"
cp STAND-IN.md "$out/graphene/STAND-IN.md"

# Under its own path, links followed.
copy() {
  mkdir -p "$out$(dirname "$1")"
  cp -L "$1" "$out$1"
}

copy_libraries() {
  ldd "$1" | sed -n 's,^.*=> \(/[^ ]*\) (.*$,\1,p' | while read -r library; do
    [ -e "$libdir/$(basename "$library")" ] || cp -L "$library" "$libdir/"
  done
}
cp -L "$("$cc" -print-file-name=ld-linux-x86-64.so.2)" "$out/lib64/"
copy_libraries "$runtime/pal-Linux"-SGX 2>/dev/null || :
cp -L "$("$cc" -print-file-name=libc.so.6)" "$libdir/"

python=$(readlink -f /usr/bin/python3 2>/dev/null || :)
modules=/usr/lib/python3/dist-packages
[ -n "$python" ] && [ -d $modules/google/protobuf ] || exit 0
copy "$python"
ln -sf "$(basename "$python")" "$out/usr/bin/python3"
copy_libraries "$python"
library=/usr/lib/$(basename "$python")
for module in _ctypes _decimal _uuid; do copy_libraries "$(echo "$library/lib-dynload/$module".*.so)"; done
(cd / && find ".$library" ".$modules/google" -name __pycache__ -prune -o \( -name '*.py' -o -name '*.so' \) -print |
  grep -Ev '/(test|tests|idlelib|tkinter|turtledemo|lib2to3|ensurepip|distutils|unittest)/' |
  tar -cf - -T -) | tar -xf - -C "$out"

if [ $number -ge 12 ]; then
  tools=$out/graphene/python
  mkdir -p "$tools/graphenelibos"
  cp graphene/get-token.py "$tools/graphene-sgx-get-token"
  : >"$tools/graphenelibos/__init__.py"
  cp graphene/aesm_pb2.py "$tools/graphenelibos/_aesm_pb2.py"
  cp graphene/generated_offsets.py "$tools/graphenelibos/_offsets.py"
else
  tools=$out/graphene/Pal/src/host/Linux-SGX
  mkdir -p "$tools/signer"
  cp graphene/get-token.py "$tools/signer/pal-sgx-get-token"
  cp graphene/aesm_pb2.py "$tools/signer/"
  cp graphene/generated_offsets.py "$tools/"
fi
