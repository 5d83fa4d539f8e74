import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Gsc, gscInScratch } from '../support/cli/gsc.ts';
import { writeImage, writeRuntime } from '../support/cli/made-files.ts';
import { staticProgram } from '../support/graminized/app-image.ts';
import { imageOf, layerFrom, type MadeEntry, tarWith } from '../support/scan/made-layers.ts';
import { run } from '../support/tar/foreign-tool.ts';
import { rawEntry, rawHeader, rawPax, rawTar } from '../support/tar/raw-tar.ts';
import { testWithTool } from '../support/tool.ts';

let gsc: Gsc;
let count = 0;
beforeAll(async () => {
  gsc = await gscInScratch();
  writeRuntime(join(gsc.directory, 'runtime'));
});

const base: readonly MadeEntry[] = [
  staticProgram(),
  staticProgram('bin/sh'),
  ['etc/passwd', 'root:x:0:0::/root:\n'],
];

/** Builds an image of a usual layer and these on top, and asks what becomes of paths in it. */
async function build(
  layers: readonly Buffer[],
  options: {
    readonly cmd?: string;
    readonly paths?: string[];
    readonly env?: Record<string, string>;
    readonly pack?: (tar: Buffer) => Buffer;
  } = {},
) {
  const { cmd = '/app', paths = ['/app'], env = {}, pack = (tar) => gzipSync(tar) } = options;
  const name = `image${count++}`;
  const made = [await tarWith(base), ...layers].map((tar) => layerFrom(tar, { stored: pack(tar) }));
  await writeImage(join(gsc.directory, name), imageOf(made, { Cmd: [cmd] }));
  const built = await gsc(
    ['build', '--no-cache', '--runtime', 'runtime', '-o', `oci:${name}-out:1`, `oci:${name}:latest`],
    { env },
  );
  const explained =
    built.code === 0 ? await gsc(['explain', '--json', `oci:${name}-out:1`, ...paths]) : undefined;
  const verdicts =
    explained && JSON.parse(explained.stdout).paths.map(({ verdict }: { verdict: string }) => verdict);
  return { ...built, verdicts };
}

describe('a build of an image with odd layers', () => {
  test('starts a program below a link of a lower layer where engines have it, and warns', async () => {
    const lower = await tarWith([
      ['v1/prog', 'x', 0o755],
      ['cur', { link: 'v1' }],
    ]);
    const upper = await tarWith([staticProgram('cur/prog2')]);
    const built = await build([lower, upper], {
      cmd: '/cur/prog2',
      paths: ['/cur/prog2', '/cur/prog', '/v1/prog2', '/v1/prog'],
    });
    expect(built.code, built.stderr).toBe(0);
    expect(built.verdicts).toEqual(['trusted', 'absent', 'absent', 'trusted']);
    expect(built.stderr).toMatch(
      /^warning: .*: layer sha256:[0-9a-f]{64} has entries below \/cur \(a link to v1\) of lower layers/m,
    );
    expect(built.stderr).toContain('unpacking tools disagree');
  });

  test('mounts no directory in the place of a link that is hidden', async () => {
    const many = Array.from({ length: 300 }, (_, i): MadeEntry => [`usr/lib/f${i}`, `${i}`]);
    const lower = await tarWith([...many, ['lib', { link: 'usr/lib' }]]);
    const built = await build([lower, await tarWith([['lib/x', 'X']])], {
      paths: ['/lib/x', '/lib/f1', '/usr/lib/f1', '/usr/lib/x'],
    });
    expect(built.verdicts).toEqual(['trusted', 'absent', 'trusted', 'absent']);
  });

  test('in zstd with a window of four terabytes says so, and how to make another', async () => {
    const frame = Buffer.from('28b52ffd00ff190000414243', 'hex');
    const built = await build([await tarWith([['a', 'a']])], { pack: () => frame });
    expect(built.code).toBe(1);
    expect(built.stderr).toMatch(
      /compressed with zstd with a window of 4123168604160 bytes, more than 134217728\nhint: compress/,
    );
    expect(built.stderr).not.toContain('internal error');
  });

  test('ignores global PAX headers and says which, once', async () => {
    const tar = rawTar(
      rawPax({ path: 'opt/evil', uid: '77' }, 'g'),
      rawEntry({ name: 'opt/a' }, 'A'),
      rawEntry({ name: 'opt/b' }, 'B'),
    );
    const built = await build([tar], { paths: ['/opt/a', '/opt/b', '/opt/evil'] });
    expect(built.verdicts).toEqual(['trusted', 'trusted', 'absent']);
    expect(
      built.stderr.match(/has a global PAX header that sets path, uid for all entries: ignored/g),
    ).toHaveLength(1);
  });

  test.each([
    ['a last block without padding', rawTar(rawEntry({ name: 'opt/a' }, 'A')).subarray(0, 513)],
    [
      'a negative uid in base-256',
      rawTar(
        rawEntry(
          { name: 'opt/a', patch: (block) => void block.fill(0xff, 108, 115).writeUInt8(0xfe, 115) },
          'A',
        ),
      ),
    ],
    [
      'a PAX size with leading zeros',
      rawTar(
        rawPax({ size: '00000000000000000000001' }),
        rawHeader({ name: 'opt/a' }),
        Buffer.concat([Buffer.from('A'), Buffer.alloc(511)]),
      ),
    ],
    [
      'a hard link to what AUFS kept for itself',
      rawTar(
        rawEntry({ name: '.wh..wh.plnk/1.2' }, 'A'),
        rawEntry({ name: 'opt/a', typeFlag: '1', linkName: '.wh..wh.plnk/1.2' }),
      ),
    ],
  ])('takes %s', async (_, tar) => {
    const built = await build([tar], { paths: ['/opt/a'] });
    expect(built.code, built.stderr).toBe(0);
    expect(built.verdicts).toEqual(['trusted']);
    expect(built.stderr).not.toContain('layer sha256');
  });

  test.each([
    [
      'a path of 4,000 components',
      rawTar(rawEntry({ typeFlag: 'L' }, `${'d/'.repeat(4000)}f\0`), rawEntry({})),
      /expected a path of at most 4095 bytes, got 8002/,
    ],
    [
      'a name of 256 bytes',
      rawTar(rawEntry({ typeFlag: 'L' }, `${'n'.repeat(256)}\0`), rawEntry({})),
      /expected names of at most 255 bytes, got one of 256/,
    ],
  ])('refuses %s', async (_, tar, message) => {
    const { code, stderr } = await build([tar]);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^gsc: oci:.*layer sha256:[0-9a-f]{64}: \/[\s\S]*\nhint: /);
  });

  test('takes 2,000 directories inside each other', async () => {
    const path = `${'d/'.repeat(2000)}f`;
    const built = await build([rawTar(rawEntry({ typeFlag: 'L' }, `${path}\0`), rawEntry({}, 'x'))], {
      paths: [`/${path}`],
    });
    expect(built.verdicts, built.stderr).toEqual(['trusted']);
  });

  test('warns of a file below a file', async () => {
    const built = await build(
      [rawTar(rawEntry({ name: 'opt/a' }, 'A'), rawEntry({ name: 'opt/a/b' }, 'B'))],
      { paths: ['/opt/a/b'] },
    );
    expect(built.verdicts).toEqual(['trusted']);
    expect(built.stderr).toMatch(/^warning: .* has entries below \/opt\/a, which it first has as a file/m);
  });

  test.each(['/proc/x', '/dev/x', '/sys/x'])('refuses the program %s', async (cmd) => {
    const { code, stderr } = await build([await tarWith([staticProgram(cmd.slice(1))])], { cmd });
    expect(code).toBe(1);
    expect(stderr).toContain(
      `${cmd} (hidden: container engines and the library OS have their own /${cmd.split('/')[1]})`,
    );
  });

  for (const [program, packageName] of [
    ['xz', 'xz-utils'],
    ['bzip2', 'bzip2'],
  ] as const) {
    testWithTool(
      program,
      `reads layers in ${program}, and names its package where it is missing`,
      async () => {
        const pack = (tar: Buffer) => run(program, ['--compress', '--stdout'], tar);
        const layers = [await tarWith([['opt/a', 'A']])];
        const built = await build(layers, { paths: ['/opt/a'], pack });
        expect(built.verdicts, built.stderr).toEqual(['trusted']);
        const { code, stderr } = await build(layers, { pack, env: { PATH: '/nonexistent' } });
        expect([code, stderr]).toEqual([1, expect.stringContaining(`apt-get install ${packageName})`)]);
      },
    );
  }
});
