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

# The tool for launch tokens: v1.1 has it beside the signer, v1.2-rc1 as a package of Python.
root=$(dirname "$installed")
for file in "$root/Pal/src/host/Linux-SGX/signer/pal-sgx-get-token" "$root/Pal/src/host/Linux-SGX/signer/aesm_pb2.py" \
  "$root/Pal/src/host/Linux-SGX/generated_offsets.py" "$root/python/graphene-sgx-get-token" \
  "$root/python/graphenelibos/__init__.py" "$root/python/graphenelibos/sgx_get_token.py" \
  "$root/python/graphenelibos/_aesm_pb2.py" "$root/python/graphenelibos/_offsets.py"; do
  if [ -f "$file" ]; then copy "$file"; fi
done

# The Python that runs it, with protobuf: the app image need not have one.
if [ -e /usr/bin/python3 ]; then
  python=$(readlink -f /usr/bin/python3)
  copy_with_libraries "$python"
  ln -sf "$(basename "$python")" "$out/usr/bin/python3"
  library=/usr/lib/$(basename "$python")
  modules=$(python3 -c 'import google.protobuf, os; print(os.path.dirname(os.path.dirname(os.path.dirname(google.protobuf.__file__))))' 2>/dev/null || :)
  [ -n "$modules" ] || modules=/usr/lib/python3/dist-packages
  for module in _ctypes _decimal _uuid; do
    for file in "$library/lib-dynload/$module".*.so; do if [ -f "$file" ]; then copy_with_libraries "$file"; fi; done
  done
  find "$library" "$modules/google" "$modules/six.py" -name __pycache__ -prune -o -name '*.py' -print 2>/dev/null |
    grep -Ev '/(test|tests|idlelib|tkinter|turtledemo|lib2to3|ensurepip|distutils|unittest)/' |
    while read -r file; do copy "$file"; done
fi
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
