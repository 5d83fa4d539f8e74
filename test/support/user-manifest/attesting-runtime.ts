import { findRuntime } from '../../../src/runtime/find/find-runtime.ts';
import type { Runtime } from '../../../src/runtime/runtime.ts';
import { makeElf } from '../runtime/make-elf.ts';
import { installation, treeOf } from '../runtime/make-tree.ts';

/** Where the libraries of a C library are in every graminized image. */
export const ownLibraries = '/gramine/runtime/runtime/glibc';

/** A Gramine with its libraries for attestation, as its own build installs them: links to the prefix's library directory. */
export async function attestingRuntime(): Promise<Runtime> {
  const { tree, readFiles } = treeOf({
    ...installation(),
    '/usr/lib/x86_64-linux-gnu/libsecret_prov_attest.so': makeElf({ soname: 'libsecret_prov_attest.so' }),
    '/usr/lib/x86_64-linux-gnu/gramine/runtime/glibc/libsecret_prov_attest.so': {
      link: '../../../libsecret_prov_attest.so',
    },
  });
  return findRuntime(tree, readFiles, { subject: 'runtime' });
}
