#!/bin/sh
# Makes a stand-in for an installed Gramine in OUTDIR (STAND-IN.md says what it is): build.sh OUTDIR
# Needs a C compiler with a static C library (gcc and libc6-dev on Debian). CC names another compiler, CFLAGS adds
# options. The same compiler and libraries give the same bytes. With Mbed TLS and its static libraries (libmbedtls-dev),
# gramine-ratls and libsecret_prov_attest.so work; without, the first is left out and the second is empty.
set -eu

[ $# -eq 1 ] || { echo "usage: $0 OUTDIR" >&2; exit 2; }
sources=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
cc=${CC:-cc}
libdir=$out/usr/lib/x86_64-linux-gnu
package=$libdir/gramine
LC_ALL=C
export LC_ALL
umask 022
cd "$sources"

compile() {
  # shellcheck disable=SC2086 # CFLAGS are words
  "$cc" -std=gnu11 -O2 -Wall -Wextra ${CFLAGS-} -D_GNU_SOURCE -fno-ident -ffile-prefix-map="$sources"=. \
    -Wl,--build-id=none -s "$@"
}

# Code that no system starts: no C library, no start files.
freestanding() {
  compile -shared -fPIC -ffreestanding -nostdlib -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none "$@"
}

stand_in_library() {
  freestanding -Wl,-soname,"$(basename "$1")" -o "$1" runtime/library.c
}

common='report.c files.c sha256.c toml.c toml-scanner.c toml-value.c'
direct=$(echo direct/*.c)

mkdir -p "$package/sgx" "$package/direct" "$package/runtime/glibc" "$out/usr/bin" "$out/lib64"

stand_in_library "$package/libsysdb.so"
for kind in direct sgx; do
  number=$([ $kind = sgx ] && echo 2 || echo 1)
  freestanding -DPAL_KIND="$number" -Wl,-T,runtime/pal.lds -o "$package/$kind/libpal.so" runtime/pal.c
done
for name in ld-linux-x86-64.so.2 libanl.so.1 libdl.so.2 libm.so.6 libmvec.so.1 libnss_dns.so.2 libnss_files.so.2 \
  libpthread.so.0 libresolv.so.2 librt.so.1 libutil.so.1; do
  stand_in_library "$package/runtime/glibc/$name"
done
freestanding -Wl,-soname,libc.so.6 -Wl,--version-script,runtime/libc.map -DPREFIX='"/usr"' \
  -DGLIBC_DIR='"/usr/lib/x86_64-linux-gnu/gramine/runtime/glibc"' \
  -o "$package/runtime/glibc/libc.so.6" runtime/library.c runtime/places.c
for name in libra_tls_attest.so libsecret_prov_attest.so; do
  stand_in_library "$libdir/$name"
  ln -sf "../../../$name" "$package/runtime/glibc/$name"
done

# shellcheck disable=SC2086 # the lists are words
compile -static -o "$package/direct/loader" $common $direct
freestanding -Wl,-soname,libprotobuf-c.so.1 -o "$libdir/libprotobuf-c.so.1" sgx/protobuf-c.c
compile -fPIE -pie -Wl,--dynamic-linker,/lib64/ld-linux-x86-64.so.2 -o "$package/sgx/loader" \
  report.c files.c sgx/main.c "$libdir/libprotobuf-c.so.1"

if echo '#include <mbedtls/x509_crt.h>' | "$cc" -E - >/dev/null 2>&1; then
  tls='-Wl,--exclude-libs,ALL -lmbedtls -lmbedx509 -lmbedcrypto'
  # shellcheck disable=SC2086 # the lists are words
  compile -fPIE -pie -Wl,-Bdynamic -o "$out/usr/bin/gramine-ratls" report.c attestation/certificate.c \
    attestation/gramine-ratls.c -Wl,-Bstatic $tls -Wl,-Bdynamic
  rm "$libdir/libsecret_prov_attest.so"
  # shellcheck disable=SC2086
  compile -shared -fPIC -fvisibility=hidden -Wl,-soname,libsecret_prov_attest.so -o "$libdir/libsecret_prov_attest.so" report.c \
    attestation/certificate.c attestation/secret-prov.c -Wl,-Bstatic $tls -Wl,-Bdynamic
else
  echo "$0: no Mbed TLS: without gramine-ratls and the client of key brokers" >&2
fi

# What the SGX loader needs of the host, from this machine.
for pair in "libc.so.6 $libdir/libc.so.6" "ld-linux-x86-64.so.2 $out/lib64/ld-linux-x86-64.so.2"; do
  cp -L "$("$cc" -print-file-name="${pair%% *}")" "${pair#* }"
done

for kind in direct sgx; do
  sed "s,@MODE@,$kind,g; s,@PACKAGE@,/usr/lib/x86_64-linux-gnu/gramine,g" launcher.in >"$out/usr/bin/gramine-$kind"
  chmod 755 "$out/usr/bin/gramine-$kind"
done
cp STAND-IN.md "$package/STAND-IN.md"
