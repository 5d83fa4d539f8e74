import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { childOf, type ImagePath, imagePath, rootPath } from '../../../src/base/image-path.ts';
import type { TreeSource } from '../../../src/runtime/tree-source.ts';
import { isContentKept } from '../../../src/scan/kept-content.ts';
import type { LayerEntry } from '../../../src/tree/entry.ts';
import { mergeLayers } from '../../../src/tree/merge-layers.ts';
import { makeElf } from './make-elf.ts';

/**
 * By path: a file's content, `{ link }` for a symbolic link, `{ claims }` for a file that is listed with this size and
 * must not be read.
 */
export type Files = Readonly<
  Record<string, Buffer | string | { readonly link: string } | { readonly claims: number }>
>;

const owner = { uid: 0, gid: 0, mode: 0o644 };

/** A tree of these files, which reads them from memory and refuses to read what is not a file of it. */
export function treeOf(files: Files): TreeSource {
  const contents = new Map<ImagePath, Buffer>();
  const entries = Object.entries(files).map(([name, value]): LayerEntry => {
    const path = imagePath(name);
    if (typeof value === 'object' && 'link' in value) {
      return { kind: 'symlink', path, target: value.link, ...owner };
    }
    if (typeof value === 'object' && 'claims' in value) {
      return { kind: 'file', path, sizeBytes: value.claims, sha256: '0'.repeat(64), ...owner };
    }
    const content = Buffer.from(value);
    contents.set(path, content);
    const sha256 = createHash('sha256').update(content).digest('hex');
    const kept = isContentKept(path, content.length) ? { content } : {};
    return { kind: 'file', path, sizeBytes: content.length, sha256, ...kept, ...owner };
  });
  const readFiles = async (paths: readonly ImagePath[]) =>
    new Map(
      paths.map((path) => {
        const content = contents.get(path);
        if (content === undefined) throw new Error(`${path} is not a file of the tree`);
        return [path, content];
      }),
    );
  return { tree: mergeLayers([entries]), readFiles };
}

/** The files and links of a directory of this machine. */
export function filesOfDirectory(folder: string): Files {
  const files: Record<string, Files[string]> = {};
  const visit = (path: ImagePath): void => {
    for (const name of readdirSync(join(folder, path))) {
      const child = childOf(path, name);
      const status = lstatSync(join(folder, child));
      if (status.isDirectory()) visit(child);
      else if (status.isSymbolicLink()) files[child] = { link: readlinkSync(join(folder, child)) };
      else files[child] = readFileSync(join(folder, child));
    }
  };
  visit(rootPath);
  return files;
}

const interpreter = '/lib64/ld-linux-x86-64.so.2';

/** The texts of a glibc that was configured with this prefix and library directory, as its libc.so.6 holds them. */
export function libraryTexts(prefix: string, libraryDirectory: string, sysconf = `${prefix}/etc`): string {
  const messages = `${prefix}/share/locale`;
  const texts = [
    ...['', messages, `${libraryDirectory}/gconv`, `${libraryDirectory}/gconv/gconv-modules.cache`],
    ...[`${messages}/%L/%N:${messages}/%L/LC_MESSAGES/%N:`, 'TZDIR', `${prefix}/share/zoneinfo`],
    ...[`${libraryDirectory}/locale`, `${libraryDirectory}/locale/locale-archive`, '/etc/gai.conf'],
    ...[`${sysconf}/localtime`, `${prefix}/libexec/getconf`, ''],
  ];
  return texts.join('\0');
}

/** Where most of these runtimes were built for, wherever they lie now. */
const usualDirectory = '/usr/lib/x86_64-linux-gnu/gramine';

/** The package directory of a Gramine; contents differ by `payload`, and by the directory that it was built for. */
export function packageFiles(directory: string, payload = '', builtFor = usualDirectory): Files {
  return {
    [`${directory}/libsysdb.so`]: makeElf({ soname: 'libsysdb.so', payload }),
    [`${directory}/sgx/loader`]: makeElf({
      interpreter,
      needed: ['libprotobuf-c.so.1', 'libc.so.6'],
      payload,
    }),
    [`${directory}/sgx/libpal.so`]: makeElf({ soname: 'libpal.so', payload: `sgx${payload}` }),
    [`${directory}/direct/loader`]: makeElf({ payload }),
    [`${directory}/direct/libpal.so`]: makeElf({ soname: 'libpal.so', payload: `direct${payload}` }),
    [`${directory}/runtime/glibc/libc.so.6`]: makeElf({
      soname: 'libc.so.6',
      payload: `patched${libraryTexts(prefixOf(builtFor), `${builtFor}/runtime/glibc`)}`,
    }),
    [`${directory}/runtime/glibc/ld-linux-x86-64.so.2`]: makeElf({
      soname: 'ld-linux-x86-64.so.2',
      payload: 'patched',
    }),
  };
}

/** What the SGX loader needs of the system, as Debian has it. */
export const hostLibraries: Files = {
  '/lib64/ld-linux-x86-64.so.2': { link: '/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2' },
  '/lib': { link: 'usr/lib' },
  '/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2': makeElf({ soname: 'ld-linux-x86-64.so.2' }),
  '/usr/lib/x86_64-linux-gnu/libc.so.6': makeElf({ soname: 'libc.so.6', needed: ['ld-linux-x86-64.so.2'] }),
  '/usr/lib/x86_64-linux-gnu/libprotobuf-c.so.1': { link: 'libprotobuf-c.so.1.0.0' },
  '/usr/lib/x86_64-linux-gnu/libprotobuf-c.so.1.0.0': makeElf({
    soname: 'libprotobuf-c.so.1',
    needed: ['libc.so.6'],
  }),
};

/** A Debian root with Gramine at `directory`; the launcher in its prefix states the version. */
export function installation(directory = usualDirectory, version = '1.9', builtFor = usualDirectory): Files {
  const prefix = prefixOf(directory);
  return {
    ...hostLibraries,
    ...packageFiles(directory, '', builtFor),
    [`${prefix}/bin/gramine-sgx`]: `#!/usr/bin/env bash\necho "Gramine ${version} (0123456789abcdef)"\n`,
  };
}

function prefixOf(directory: string): string {
  return directory.replace(/\/(lib\/x86_64-linux-gnu|lib64|lib)\/[^/]*$/, '');
}

/** The files without those under some paths. */
export function without(files: Files, ...paths: readonly string[]): Files {
  return Object.fromEntries(
    Object.entries(files).filter(([path]) => !paths.some((p) => path === p || path.startsWith(`${p}/`))),
  );
}
