import { findRuntime } from '../../../src/runtime/find/find-runtime.ts';
import type { Runtime } from '../../../src/runtime/runtime.ts';
import type { GrapheneRelease } from '../../../src/runtime/version.ts';
import { makeElf } from './make-elf.ts';
import { type Files, hostLibraries, treeOf } from './make-tree.ts';

/** Keys that the loader of each release reads, and that tell it from others. */
const ownKeys: Readonly<Record<GrapheneRelease, string>> = {
  f51aafddf: 'sgx.static_address',
  '1.1': 'sgx.static_address\0sgx.zero_heap_on_demand',
  '1.2-rc1': 'sgx.nonpie_binary',
};

/** A built Graphene without a token tool; its ELF files have headers only. */
export function grapheneFiles(release: GrapheneRelease): Files {
  const payload = `${ownKeys[release]}\0`;
  const loader = makeElf({ interpreter: '/lib64/ld-linux-x86-64.so.2', needed: ['libc.so.6'], payload });
  const files: Files = {
    'libsysdb.so': makeElf({ payload: 'sysdb' }),
    'libpal-Linux-SGX.so': makeElf({ payload }),
    'libpal-Linux.so': makeElf({ payload: 'pal' }),
    'pal-Linux-SGX': loader,
    'pal-Linux': makeElf({ payload: 'direct' }),
    'libc.so.6': makeElf({ soname: 'libc.so.6', payload: 'graphene' }),
    'ld-linux-x86-64.so.2': makeElf({ soname: 'ld-linux-x86-64.so.2' }),
  };
  const built = Object.entries(files).map(([name, content]) => [`/src/graphene/Runtime/${name}`, content]);
  return { ...hostLibraries, ...Object.fromEntries(built) };
}

export async function grapheneRuntime(release: GrapheneRelease): Promise<Runtime> {
  const { tree, readFiles } = treeOf(grapheneFiles(release));
  return findRuntime(tree, readFiles, { subject: 'runtime' });
}
