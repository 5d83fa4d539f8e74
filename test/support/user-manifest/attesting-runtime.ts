import { findRuntime } from '../../../src/runtime/find/find-runtime.ts';
import type { Runtime } from '../../../src/runtime/runtime.ts';
import { makeElf } from '../runtime/make-elf.ts';
import { type Files, installation, treeOf } from '../runtime/make-tree.ts';

/** Where the libraries of a C library are in every graminized image. */
export const ownLibraries = '/gramine/runtime/runtime/glibc';

const interpreter = '/lib64/ld-linux-x86-64.so.2';

/** `gramine-ratls` of an installation for glibc. */
export const raTlsElf = makeElf({ interpreter, needed: ['libra_tls_attest.so', 'libc.so.6'] });

/**
 * A Gramine with its program and libraries for attestation, as its own build installs them: links to the prefix's library
 * directory. `more` are other files, in place of those of the same name.
 */
export async function attestingRuntime(more: Files = {}): Promise<Runtime> {
  const libraries = ['libsecret_prov_attest.so', 'libra_tls_attest.so'].map((name) => [
    [`/usr/lib/x86_64-linux-gnu/${name}`, makeElf({ soname: name })],
    [`/usr/lib/x86_64-linux-gnu/gramine/runtime/glibc/${name}`, { link: `../../../${name}` }],
  ]);
  const { tree, readFiles } = treeOf({
    ...installation(),
    ...Object.fromEntries(libraries.flat()),
    '/usr/bin/gramine-ratls': raTlsElf,
    ...more,
  });
  return findRuntime(tree, readFiles, { subject: 'runtime' });
}
