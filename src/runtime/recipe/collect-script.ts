import type { Family } from '../version.ts';

/** What is the same for both: copying under the same path, and the libraries of a program. */
const start = String.raw`set -eu
installed=$1 out=$2 mode=\${3-}

fail() {
  echo "collect-runtime.sh: $*" >&2
  exit 1
}

# Under its own path below $out, links followed.
copy() {
  [ -f "$1" ] || fail "there is no $1: the build did not install it"
  mkdir -p "$out$(dirname "$1")"
  cp -L "$1" "$out$1"
}

# The program, its interpreter and every library that it loads.
copy_with_libraries() {
  copy "$1"
  ldd "$1" >/tmp/libraries || fail "ldd does not understand $1"
  ! grep 'not found' /tmp/libraries >&2 || fail "$1 lacks libraries"
  sed -n 's,^.*=> \(/[^ ]*\) (.*$,\1,p; s,^[[:space:]]*\(/[^ ]*\) (.*$,\1,p' /tmp/libraries | while read -r library; do
    copy "$library"
  done
}
`.replaceAll('\\${', '${');

/** Debug information lies outside of what is loaded and measured. */
const end = `
if [ "$mode" = strip ]; then
  find "$out" -type f | while read -r file; do
    if head -c 4 "$file" | grep -q ELF; then strip --strip-debug "$file"; fi
  done
fi
find "$out" -type f | sort
`;

const gramine = `
libos=$(find "$installed" -name libsysdb.so | head -n 1)
[ -n "$libos" ] || fail "there is no libsysdb.so below $installed"
package=$(dirname "$libos")
for part in libsysdb.so direct/loader direct/libpal.so sgx/libpal.so; do copy "$package/$part"; done
copy_with_libraries "$package/sgx/loader"
find "$package/runtime" -name '*.so' -o -name '*.so.*' | while read -r library; do copy "$library"; done
# Starts applications with a certificate for attestation; its library is among the runtime's.
find "$installed" -path '*/bin/gramine-ratls' | while read -r program; do copy "$program"; done
# These state the version.
find "$installed" -path '*/bin/gramine-sgx' -o -path '*/graminelibos/__init__.py' -o -path '*/pkgconfig/*_gramine.pc' |
  while read -r file; do copy "$file"; done
`;

const graphene = `
for part in libsysdb.so libpal-Linux.so libpal-Linux-SGX.so pal-Linux; do copy "$installed/$part"; done
copy_with_libraries "$installed/pal-Linux-SGX"
find -L "$installed" -maxdepth 1 -type f -name '*.so*' | while read -r library; do copy "$library"; done
`;

const about: Readonly<Record<Family, string>> = {
  gramine: 'Copies of an installed Gramine',
  graphene: 'Copies of a built Graphene',
};

/** The script that the last step of a build runs: `collect-runtime.sh INSTALLED OUT [strip]`. POSIX sh. */
export function collectScript(family: Family): string {
  const head = `#!/bin/sh
# ${about[family]} what a graminized image needs: collect-runtime.sh INSTALLED OUT [strip]
`;
  return `${head}${start}${family === 'gramine' ? gramine : graphene}${end}`;
}
