import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { GscError } from '../../../src/base/error.ts';
import { collectBytes } from '../../../src/image/verified-stream.ts';
import { decompress } from '../../../src/tar/codec/decompress.ts';
import { piecesOf } from '../../support/tar/collect-tar.ts';
import { inScratch, run } from '../../support/tar/foreign-tool.ts';
import { noise } from '../../support/tar/sample-tree.ts';
import { testWithTool } from '../../support/tool.ts';

const content = Buffer.concat([noise(700_000), Buffer.alloc(900_000), noise(700_000)]);
const programs = ['xz', 'bzip2'] as const;
const packed = (program: string, bytes: Buffer, ...options: readonly string[]) =>
  run(program, ['--compress', '--stdout', ...options], bytes);

function decompressed(stored: Buffer, pieceBytes = 65_536): Promise<Buffer> {
  return collectBytes(decompress(piecesOf(stored, pieceBytes), 'test'));
}

async function failure(stored: Buffer): Promise<GscError> {
  const error: unknown = await decompressed(stored).then(
    () => new Error('it decompressed'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof GscError)) throw error;
  return error;
}

describe.each(programs)('what %s writes', (program) => {
  testWithTool(program, 'comes back, however it is cut', async () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from('x'), content]) {
      const stored = packed(program, bytes);
      for (const pieceBytes of [4096, 2 ** 24]) {
        expect((await decompressed(stored, pieceBytes)).equals(bytes)).toBe(true);
      }
    }
  });

  testWithTool(program, 'may be several streams', async () => {
    const stored = Buffer.concat([packed(program, content), packed(program, Buffer.from('tail'))]);
    expect((await decompressed(stored)).equals(Buffer.concat([content, Buffer.from('tail')]))).toBe(true);
  });

  testWithTool(program, 'is damaged, cut short or followed by something: an error', async () => {
    const stored = packed(program, content.subarray(0, 20_000));
    const flipped = Buffer.from(stored);
    flipped[stored.length >> 1] = (flipped[stored.length >> 1] ?? 0) ^ 1;
    const wrong = [
      flipped,
      stored.subarray(0, stored.length >> 1),
      stored.subarray(0, stored.length - 1),
      Buffer.concat([stored, Buffer.from('rubbish')]),
    ];
    for (const bytes of wrong) {
      const { code, message } = await failure(bytes);
      expect([code, message]).toEqual([
        'tar',
        expect.stringMatching(
          RegExp(`^test: the compressed data are damaged or cut short: ${program} says: .`),
        ),
      ]);
    }
  });

  testWithTool(program, 'comes from a source that fails: its error passes unchanged', async () => {
    async function* source() {
      yield packed(program, content);
      throw new TypeError('mine');
    }
    await expect(collectBytes(decompress(source(), 'test'))).rejects.toThrow(new TypeError('mine'));
  });
});

describe('xz', () => {
  testWithTool('xz', 'with every check and filter', async () => {
    for (const options of [
      ['--check=sha256'],
      ['--check=crc32'],
      ['--check=none'],
      ['--x86', '--lzma2=preset=6'],
    ]) {
      expect((await decompressed(packed('xz', content, ...options))).equals(content)).toBe(true);
    }
  });

  testWithTool(
    'xz',
    'with a dictionary of a gigabyte: an error, without a gigabyte being taken',
    async () => {
      expect(await failure(packed('xz', content.subarray(0, 1000), '--lzma2=dict=1GiB'))).toMatchObject({
        code: 'tar',
        message: 'test: compressed with xz with a dictionary that takes more than 256 MiB of memory',
      });
    },
  );
});

/** A program on the only search path, in place of the system's; a shell script. */
async function withProgram<T>(
  name: string,
  script: string,
  use: (directory: string) => Promise<T>,
): Promise<T> {
  return inScratch(async (directory) => {
    const path = join(directory, 'bin');
    mkdirSync(path);
    writeFileSync(join(path, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(path, name), 0o755);
    vi.stubEnv('PATH', path);
    onTestFinished(() => void vi.unstubAllEnvs());
    return await use(directory);
  });
}

/** How the streams begin that the programs are for. */
const beginnings = { xz: Buffer.from('fd377a585a000004', 'hex'), bzip2: Buffer.from('BZh91AY&SYmore') };

describe('a program', () => {
  test.each([
    ['xz', 'xz-utils'],
    ['bzip2', 'bzip2'],
  ] as const)('%s that is missing: an error that names the package %s', async (name, packageName) => {
    vi.stubEnv('PATH', '/nonexistent');
    onTestFinished(() => void vi.unstubAllEnvs());
    const stored = Buffer.concat([beginnings[name], Buffer.alloc(3_000_000)]);
    expect(await failure(stored)).toMatchObject({
      code: 'unreadable',
      message: `test: compressed with ${name}, and the program ${name}, which decompresses it, is not installed`,
      hint: `install ${name} (on Debian and Ubuntu: apt-get install ${packageName})`,
    });
  });

  test('that does not know the options says so, as that of BusyBox', async () => {
    await withProgram(
      'xz',
      'echo "xz: unrecognized option \'--memlimit-decompress=256MiB\'" >&2; exit 1',
      async () => {
        expect(await failure(beginnings.xz)).toMatchObject({
          message: expect.stringContaining('cannot be used: xz: unrecognized option'),
          hint: expect.stringContaining('apt-get install xz-utils'),
        });
      },
    );
  });

  test('that fails without a message: its exit code is reported', async () => {
    await withProgram('xz', 'exit 3', async () => {
      expect((await failure(beginnings.xz)).message).toMatch(/xz says: it ended with 3$/);
    });
  });

  test('is ended when the consumer stops, and the source with it', async () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell's expansion
    const script = 'echo $$ >"${0%/*}/pid"; while :; do echo more; done';
    await withProgram('xz', script, async (directory) => {
      let isClosed = false;
      async function* source() {
        try {
          for (;;) yield beginnings.xz;
        } finally {
          isClosed = true;
        }
      }
      for await (const piece of decompress(source(), 'test')) {
        expect(piece.toString()).toMatch(/^more\n/);
        break;
      }
      expect(isClosed).toBe(true);
      const pid = readFileSync(join(directory, 'bin/pid'), 'utf8').trim();
      expect(existsSync(`/proc/${pid}`)).toBe(false);
    });
  });
});
