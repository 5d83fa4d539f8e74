import { gzipSync } from 'node:zlib';
import { digestOf } from '../../src/base/digest.ts';
import { bytesOfText, imagePath } from '../../src/base/image-path.ts';
import { assembleImage } from '../../src/image/append.ts';
import type { RunConfig } from '../../src/image/config.ts';
import type { Image, Layer } from '../../src/image/image.ts';
import { explainPath } from '../../src/inspect/explain-path.ts';
import { explainableImage } from '../../src/inspect/explainable-image.ts';
import { scanImage } from '../../src/scan/scan-image.ts';
import { scanLayer } from '../../src/scan/scan-layer.ts';
import { type TarInput, tarBytes } from '../../src/tar/write-tar.ts';
import { mergeLayers } from '../../src/tree/merge-layers.ts';
import { graminizeApp, type Wishes } from '../../test/support/graminized/graminized.ts';
import { makeElf } from '../../test/support/runtime/make-elf.ts';
import { rawEntry, rawPax, rawTar } from '../../test/support/tar/raw-tar.ts';

/** One kind of work that grows with something in an image or a manifest. Made for `n` of it, it can be run. */
export interface HostileCase {
  readonly name: string;
  readonly make: (n: number) => () => Promise<unknown> | unknown;
  /** Of the smaller of the two measured; by default 5,000. */
  readonly n?: number;
}

const owner = { uid: 0, gid: 0, mode: 0o644, mtimeSeconds: 0 };
const program = makeElf({ payload: 'program' });

export function file(name: string, content: Buffer | string = 'x', more: Partial<TarInput> = {}): TarInput {
  return { ...owner, kind: 'file', name, content: Buffer.from(content), ...more } as TarInput;
}

function directory(name: string, more: Partial<TarInput> = {}): TarInput {
  return { ...owner, kind: 'directory', name, ...more, mode: more.mode ?? 0o755 } as TarInput;
}

function link(name: string, linkName: string): TarInput {
  return { ...owner, kind: 'symlink', name, linkName };
}

/** What `item` makes of 0 to n - 1. */
export function times<T>(n: number, item: (i: number) => T): T[] {
  return Array.from({ length: n }, (_, i) => item(i));
}

function layerOf(tar: Buffer, stored = tar): Layer {
  const descriptor = {
    mediaType: 'application/vnd.oci.image.layer.v1.tar',
    digest: digestOf(stored),
    sizeBytes: stored.length,
  };
  return {
    descriptor,
    diffId: digestOf(tar),
    async *open() {
      for (let at = 0; at < stored.length; at += 1 << 20) yield stored.subarray(at, at + (1 << 20));
    },
  };
}

/** An image whose program is /app, with these layers on top. */
export function imageOf(layers: readonly (readonly TarInput[])[], run: RunConfig = {}): Image {
  const base = [file('app', program, { mode: 0o755 }), file('bin/sh', program, { mode: 0o755 })];
  const made = [base, ...layers].map((entries) => layerOf(tarBytes(entries)));
  const diffIds = made.map(({ diffId }) => diffId);
  return assembleImage({
    name: 'hostile',
    config: {
      os: 'linux',
      architecture: 'amd64',
      config: { Cmd: ['/app'], ...run },
      rootfs: { type: 'layers', diff_ids: diffIds },
      history: [],
    },
    layers: made,
    isDocker: false,
  });
}

function scans(name: string, tarOf: (n: number) => Buffer, n?: number): HostileCase {
  const make = (count: number) => {
    const layer = layerOf(tarOf(count));
    return async () => {
      const { entries } = await scanLayer(layer, { subject: 'hostile' });
      return mergeLayers([entries]);
    };
  };
  return { name, make, ...(n !== undefined && { n }) };
}

/** Graminizes an image with one layer of these entries. */
function builds(
  name: string,
  entriesOf: (n: number) => readonly TarInput[],
  more: {
    readonly run?: (n: number) => RunConfig;
    readonly wishes?: (n: number) => Wishes;
    readonly n?: number;
  } = {},
): HostileCase {
  const make = (n: number) => {
    const image = imageOf([entriesOf(n)], more.run?.(n));
    const wishes = more.wishes?.(n);
    return () => graminizeApp(image, wishes);
  };
  return { name, make, ...(more.n !== undefined && { n: more.n }) };
}

const chain = (target: string) => [
  link('c0', target),
  ...times(39, (i) => link(`c${i + 1}`, `${'./'.repeat(2000)}c${i}`)),
];

export const layerCases: readonly HostileCase[] = [
  scans('opaque markers over files', (n) =>
    tarBytes([...times(n, (i) => file(`d/f${i}`)), ...times(n, () => file('d/.wh..wh..opq', ''))]),
  ),
  scans('whiteouts of one directory', (n) =>
    tarBytes([...times(n, (i) => file(`d/f${i}`)), ...times(n, () => file('.wh.d', ''))]),
  ),
  scans('one name again and again', (n) => tarBytes(times(n, () => file('d/f')))),
  scans('hard links to one file', (n) =>
    tarBytes([
      file('f'),
      ...times(n, (i): TarInput => ({ ...owner, kind: 'hardlink', name: `l${i}`, linkName: 'f' })),
    ]),
  ),
  scans('hard links in a row', (n) =>
    tarBytes([
      file('l0'),
      ...times(n, (i): TarInput => ({ ...owner, kind: 'hardlink', name: `l${i + 1}`, linkName: `l${i}` })),
    ]),
  ),
  scans(
    'files at the longest paths',
    (n) => tarBytes(times(n, (i) => file(`${'d/'.repeat(2000)}f${i}`))),
    500,
  ),
  scans(
    'files through long links',
    (n) => tarBytes([...chain('real'), ...times(n, (i) => file(`c39/f${i}`))]),
    500,
  ),
  scans('directories and files in turn', (n) =>
    tarBytes(times(n, (i) => [file('d'), file('d/f', `${i}`)]).flat()),
  ),
  scans('global PAX headers', (n) =>
    rawTar(...times(n, (i) => rawPax({ [`k${i}`]: 'v' }, 'g')), rawEntry({})),
  ),
  scans('PAX headers of one entry', (n) =>
    rawTar(...times(n, (i) => rawPax({ [`k${i}`]: 'v' })), rawEntry({})),
  ),
  scans('PAX records of one entry', (n) =>
    rawTar(rawPax(Object.fromEntries(times(n, (i) => [`SCHILY.xattr.user.k${i}`, 'v']))), rawEntry({})),
  ),
  scans('regions of a sparse map, PAX 0.1', (n) =>
    rawTar(
      rawPax({ 'GNU.sparse.map': times(n, (i) => `${2 * i},1`).join(','), 'GNU.sparse.size': `${2 * n}` }),
      rawEntry({}, 'x'.repeat(n)),
    ),
  ),
  scans('regions of a sparse map, PAX 1.0', (n) => {
    const map = [n, ...times(n, (i) => `${2 * i}\n1`)].join('\n').concat('\n');
    const blocks = Buffer.alloc(Math.ceil(map.length / 512) * 512);
    blocks.write(map, 'latin1');
    return rawTar(
      rawPax({ 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': `${2 * n}` }),
      rawEntry({}, Buffer.concat([blocks, Buffer.alloc(n, 0x78)])),
    );
  }),
  scans('long names without an entry', (n) =>
    rawTar(...times(n, () => rawEntry({ typeFlag: 'L' }, 'x')), rawEntry({})),
  ),
  {
    name: 'gzip members of one byte',
    make: (n) => {
      const tar = rawTar(rawEntry({}, 'x'.repeat(n)));
      const stored = Buffer.concat(times(tar.length, (i) => gzipSync(tar.subarray(i, i + 1), { level: 1 })));
      const layer = layerOf(tar, stored);
      return () => scanLayer(layer, { subject: 'hostile' });
    },
    n: 2000,
  },
  {
    name: 'layers of an image',
    make: (n) => {
      const image = imageOf(times(n, (i) => [file(`f${i}`, `${i}`)]));
      return () => graminizeApp(image);
    },
    n: 300,
  },
];

const nested = (n: number) => times(n, (i) => `n${i % 40}/`.repeat(1 + (i % 40)));

export const treeCases: readonly HostileCase[] = [
  builds('files', (n) => times(n, (i) => file(`opt/f${i}`))),
  builds('links to files', (n) => [file('f'), ...times(n, (i) => link(`opt/l${i}`, '/f'))]),
  builds(
    'links to one directory of few files',
    (n) => [...times(8, (i) => file(`d/f${i}`)), ...times(n, (i) => link(`opt/l${i}`, '/d'))],
    { n: 1000 },
  ),
  builds(
    'links to one directory of many files',
    (n) => [...times(20, (i) => file(`d/f${i}`)), ...times(n, (i) => link(`opt/l${i}`, '/d'))],
    { n: 1000 },
  ),
  builds(
    'links among links',
    (n) => [
      file('c/f'),
      ...times(n, (i) => link(`a/l${i}`, '/b')),
      ...times(n, (i) => link(`b/l${i}`, '/c')),
    ],
    { n: 1000 },
  ),
  builds(
    'links to each parent',
    (n) => [...times(n, (i) => file(`d/f${i}`)), ...times(n, (i) => link(`d/l${i}`, '/d'))],
    { n: 1000 },
  ),
  builds(
    'links to a long chain of links',
    (n) => [...chain('app'), ...times(n, (i) => link(`opt/l${i}`, '/c38'))],
    { n: 300 },
  ),
  builds('dangling links', (n) => times(n, (i) => link(`opt/l${i}`, `/gone${i}`))),
  builds('applications below /var/opt', (n) => times(n, (i) => file(`var/opt/a${i}/f`))),
  builds('applications below /var/lib', (n) => times(n, (i) => file(`var/lib/a${i}/f`))),
  builds('directories below /var', (n) => times(n, (i) => file(`var/a${i}/f`))),
  builds('links to data below /var', (n) => [
    ...times(n, (i) => file(`var/lib/a${i}/f`)),
    ...times(n, (i) => link(`opt/l${i}`, `/var/lib/a${i}`)),
  ]),
  builds('links below /var to what is trusted', (n) => [
    ...times(n, (i) => file(`opt/a${i}/f`)),
    ...times(n, (i) => link(`var/opt/l${i}`, `/opt/a${i}`)),
  ]),
  builds('directories that everybody may write to', (n) =>
    times(n, (i) => directory(`opt/d${i}`, { mode: 0o777 })),
  ),
  builds('such directories with trusted files', (n) =>
    times(n, (i) => [directory(`opt/d${i}`, { mode: 0o777 }), file(`opt/d${i}/f`)]).flat(),
  ),
  builds('such directories inside each other', (n) =>
    nested(n).map((name) => directory(name, { mode: 0o777 })),
  ),
  builds('directories of services', (n) => times(n, (i) => directory(`srv/d${i}`, { uid: i + 1 }))),
  builds('accounts with a directory each', (n) => [
    file('etc/passwd', times(n, (i) => `u${i}:x:${i + 1}:${i + 1}::/:/\n`).join('')),
    ...times(n, (i) => directory(`srv/d${i}`, { uid: i + 1 })),
  ]),
  builds(
    'groups of the user',
    (n) => [
      file('etc/passwd', 'me:x:7:7::/:/\n'),
      file('etc/group', times(n, (i) => `g${i}:x:${i + 9}:me\n`).join('')),
    ],
    { run: () => ({ User: 'me' }) },
  ),
  builds(
    'members of one group',
    (n) => [
      file('etc/passwd', 'me:x:7:7::/:/\n'),
      file('etc/group', `g:x:9:${times(n, (i) => `u${i}`).join(',')},me\n`),
    ],
    { run: () => ({ User: 'me' }) },
  ),
  builds('links to the standard streams', (n) => times(n, (i) => link(`var/log/a${i}/log`, '/dev/stdout'))),
  builds('deep directories', (n) => times(n, (i) => file(`${'d/'.repeat(1500)}f${i}`)), { n: 200 }),
  builds('names that are not UTF-8', (n) => times(n, (i) => file(`opt/\xff${i}`))),
  builds(
    'lines of ld.so.conf',
    (n) => [...glibcProgram(), file('etc/ld.so.conf', times(n, (i) => `/l${i}\n`).join(''))],
    { run: () => ({ Cmd: ['/prog'] }), n: 1500 },
  ),
  builds(
    'files of ld.so.conf',
    (n) => [
      ...glibcProgram(),
      file('etc/ld.so.conf', 'include ld.so.conf.d/*\n'),
      ...times(n, (i) => file(`etc/ld.so.conf.d/${i}.conf`, 'include /etc/ld.so.conf.d/*\n')),
    ],
    { run: () => ({ Cmd: ['/prog'] }) },
  ),
  builds(
    'characters of a line of ld.so.conf',
    (n) => [...glibcProgram(), file('etc/ld.so.conf', `/x${'=  '.repeat(n)}/`)],
    { run: () => ({ Cmd: ['/prog'] }) },
  ),
  builds(
    'libraries that a program needs',
    (n) => [
      ...glibcProgram(times(n, (i) => `lib${i}.so`)),
      ...times(n, (i) => file(`lib/lib${i}.so`, makeElf({ soname: `lib${i}.so` }))),
    ],
    { run: () => ({ Cmd: ['/prog'] }), wishes: () => ({ libc: 'auto' }), n: 500 },
  ),
  builds('licences, at the level lean', (n) => times(n, (i) => file(`usr/share/doc/p${i}/copyright`)), {
    wishes: () => ({ trustLevel: 'lean' }),
  }),
];

function glibcProgram(needed: readonly string[] = ['libc.so.6']): readonly TarInput[] {
  const interpreter = '/lib64/ld-linux-x86-64.so.2';
  return [
    file('prog', makeElf({ interpreter, needed: [...needed] }), { mode: 0o755 }),
    file('lib64/ld-linux-x86-64.so.2', makeElf({ soname: 'ld-linux-x86-64.so.2' }), { mode: 0o755 }),
    file('lib/x86_64-linux-gnu/libc.so.6', makeElf({ soname: 'libc.so.6', payload: 'debian' })),
  ];
}

export const configCases: readonly HostileCase[] = [
  builds('variables of the environment', () => [], {
    run: (n) => ({ Env: times(n, (i) => `V${i}=/opt/v${i}`) }),
  }),
  builds('one variable again and again', () => [], { run: (n) => ({ Env: times(n, (i) => `V=${i}`) }) }),
  builds('directories in PATH', () => [], {
    run: (n) => ({ Cmd: ['app'], Env: [`PATH=${times(n, (i) => `/p${i}`).join(':')}:/`] }),
  }),
  builds('directories in LD_LIBRARY_PATH', () => glibcProgram(), {
    run: (n) => ({ Cmd: ['/prog'], Env: [`LD_LIBRARY_PATH=${times(n, (i) => `/p${i}`).join(':')}`] }),
  }),
  builds('arguments that name data', (n) => times(n, (i) => file(`var/a${i}/f`)), {
    run: (n) => ({ Cmd: ['/app', ...times(n, (i) => `/var/a${i}/f`)] }),
  }),
  builds('volumes', (n) => times(n, (i) => file(`data/v${i}/f`)), {
    run: (n) => ({ Volumes: Object.fromEntries(times(n, (i) => [`/data/v${i}`, {}])) }),
  }),
  builds('characters of a variable', () => [], {
    run: (n) => ({ Env: [`V=${' '.repeat(10 * n)}/x`] }),
    wishes: () => ({ manifest: 'loader.env.V = "other"' }),
  }),
  builds('labels', () => [], {
    run: (n) => ({ Labels: Object.fromEntries(times(n, (i) => [`l${i}`, 'x'])) }),
  }),
  builds('patterns of --exclude', (n) => times(n, (i) => file(`opt/d${i}/f`)), {
    wishes: (n) => ({ exclude: times(n, (i) => bytesOfText(`/opt/d${i}/*`)) }),
    n: 500,
  }),
  {
    name: 'paths to explain',
    make: (n) => {
      const image = imageOf([times(n, (i) => file(`opt/f${i}`))]);
      return async () => {
        const graminized = await graminizeApp(image);
        const explainable = await explainableImage(graminized.image, await scanImage(graminized.image));
        return times(n, (i) => explainPath(explainable, imagePath(`/opt/f${i}`)));
      };
    },
  },
];
