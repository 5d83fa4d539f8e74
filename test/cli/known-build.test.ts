import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { directoryStatus } from '../../src/scan/directory-status.ts';
import { type GscHere, gscInProcess } from '../support/cli/in-process.ts';
import { writeApp, writeFiles, writeRuntime } from '../support/cli/made-files.ts';
import { longTest } from '../support/long-test.ts';
import { grapheneFiles } from '../support/runtime/make-graphene.ts';
import { testKey } from '../support/signature/test-key.ts';

// Each test makes several builds.
vi.setConfig({ testTimeout: 60_000 });

const gsc: GscHere = gscInProcess();
const at = (...path: readonly string[]) => join(gsc.directory, ...path);
let round = 0;
let env: Readonly<Record<string, string>> = {};

beforeAll(async () => {
  copyFileSync(await testKey(), at('key.pem'));
});

beforeEach(async () => {
  round += 1;
  env = { XDG_CACHE_HOME: at(`cache-${round}`) };
  for (const name of ['app', 'runtime', 'out', 'file']) rmSync(at(name), { recursive: true, force: true });
  writeRuntime(at('runtime'));
  await writeApp(at('app'), {
    entries: [
      ['data', 'as it was'],
      ['var/lib/x', '1'],
    ],
  });
  writeFileSync(at('app.manifest'), 'sgx.max_threads = 7\nsgx.debug = true\n');
  writeFileSync(at('file'), 'given');
  writeFileSync(at('config.yaml'), 'Gramine:\n  Image: runtime\n');
});

const words = ['build', '-o', 'oci:out:1', '--file', 'file:/etc/given', '-c', 'config.yaml'];
const operands = ['oci:app:latest', 'app.manifest'];

async function built(...more: readonly string[]) {
  const result = await gsc([...words, ...more, ...operands], { env });
  expect(result.code, result.stderr).toBe(0);
  return result;
}

/** What `--json` prints, but for how long it took. */
function withoutTimes(stdout: string) {
  const { seconds, ...rest } = JSON.parse(stdout);
  expect(seconds.total).toBeGreaterThan(0);
  return rest;
}

async function reported(run: ReturnType<typeof built>) {
  return withoutTimes((await run).stdout);
}

/** How many results of builds are kept. */
function known(): number {
  const root = at(`cache-${round}`, 'gsc', 'v1');
  const kinds = readdirSync(root).filter((kind) => kind.startsWith('build-'));
  return kinds.flatMap((kind) => readdirSync(join(root, kind))).length;
}

/** Without the lines that say that the result was there, and how long it took. */
const said = (stderr: string) =>
  stderr.replace(/^.* exists already, .*\n/m, '').replace(/^ {2}time .*\n/m, '');

describe('a build that was made before', () => {
  test.each([['-q'], ['-v'], ['--force']])('says with %s all that it said the first time', async (option) => {
    const first = await built(option);
    const second = await built(option);
    expect(known()).toBe(1);
    expect(second.stdout).toBe(first.stdout);
    expect(said(second.stderr)).toBe(said(first.stderr));
    expect(second.stderr).toContain('warning: ');
  });

  longTest('says more with -v, and less with -q, than it said then', async () => {
    const [verbose, quiet] = [said((await built('-v')).stderr), (await built('-q')).stderr];
    rmSync(at(`cache-${round}`), { recursive: true });
    await built();
    expect([said((await built('-v')).stderr), (await built('-q')).stderr]).toEqual([said(verbose), quiet]);
    expect(known()).toBe(1);
  });

  test('reports the same with --json', async () => {
    const first = await reported(built('--json'));
    const second = await reported(built('--json'));
    expect(second).toEqual({ ...first, outcome: 'unchanged' });
  });

  test('is stored again where its result is gone', async () => {
    const first = await reported(built('--json'));
    rmSync(at('out'), { recursive: true });
    expect(await reported(built('--json'))).toEqual(first);
    const index = JSON.parse(readFileSync(at('out', 'index.json'), 'utf8'));
    const blob = (digest: string) =>
      readFileSync(at('out', 'blobs', 'sha256', digest.slice('sha256:'.length)));
    for (const { digest } of JSON.parse(blob(index.manifests[0].digest).toString()).layers)
      expect(blob(digest).length).toBeGreaterThan(0);
  });

  test('is made anew where a layer of it is not kept any more', async () => {
    const first = await reported(built('--json'));
    rmSync(at('out'), { recursive: true });
    rmSync(at(`cache-${round}`, 'gsc', 'v1', 'layer'), { recursive: true });
    expect(await reported(built('--json'))).toEqual(first);
  });

  test('is made anew where a layer of it is damaged', async () => {
    const first = await reported(built('--json'));
    rmSync(at('out'), { recursive: true });
    const layers = at(`cache-${round}`, 'gsc', 'v1', 'layer');
    for (const name of readdirSync(layers)) writeFileSync(join(layers, name), 'damaged');
    expect(await reported(built('--json'))).toEqual(first);
  });

  test('does not hide that another image has the name', async () => {
    await built();
    await built('--env', 'A=b', '--force');
    const refused = await gsc([...words, ...operands], { env });
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('--force')]);
  });

  test('with --no-cache is neither looked for nor kept', async () => {
    const first = await built('--no-cache', '--json');
    expect(() => known()).toThrow('ENOENT');
    expect(await reported(built('--no-cache', '--json'))).toEqual({
      ...withoutTimes(first.stdout),
      outcome: 'unchanged',
    });
  });

  test('and signed, is known by the key and the date', async () => {
    const sign = ['--key', 'key.pem', '--allow-debug', '--force', '--json'];
    const first = await reported(built(...sign));
    expect(await reported(built(...sign))).toEqual({ ...first, outcome: 'unchanged' });
    const later = await reported(built(...sign, '--date', '2030-01-02'));
    expect([later.mr_enclave, later.image_id === first.image_id]).toEqual([first.mr_enclave, false]);
    expect(await reported(built('--force', '--json'))).not.toHaveProperty('mr_enclave');
  });
});

test('a build that may be signed with a key for tests is not known for the same key without that mark', async () => {
  expect((await gsc(['gen-private-key', '--test', 'marked.pem'], { env })).code).toBe(0);
  const test = readFileSync(at('marked.pem'), 'utf8');
  await built('--key', 'marked.pem');
  writeFileSync(at('plain.pem'), test.slice(test.indexOf('-----BEGIN')));
  const refused = await gsc([...words, '--force', '--key', 'plain.pem', ...operands], { env });
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('debug enclave')]);
});

describe('another build is not taken for one that was made before, by', () => {
  test.each<[string, readonly string[], () => unknown]>([
    [
      "the manifest's content",
      [],
      () => writeFileSync(at('app.manifest'), 'sgx.max_threads = 8\nsgx.debug = true\n'),
    ],
    ["an added file's content", [], () => writeFileSync(at('file'), 'another')],
    [
      'the mode of an added file',
      [],
      () => {
        rmSync(at('file'));
        writeFileSync(at('file'), 'given', { mode: 0o755 });
      },
    ],
    [
      "the app image's content",
      [],
      () =>
        writeApp(at('app'), {
          entries: [
            ['data', 'otherwise'],
            ['var/lib/x', '1'],
          ],
        }),
    ],
    [
      "the app image's configuration",
      [],
      () =>
        writeApp(at('app'), {
          entries: [
            ['data', 'as it was'],
            ['var/lib/x', '1'],
          ],
          run: { Env: ['A=b'] },
        }),
    ],
    [
      "the runtime's content",
      [],
      () => appendFileSync(at('runtime', 'usr/lib/x86_64-linux-gnu/gramine/runtime/glibc/libc.so.6'), 'x'),
    ],
    [
      'the configuration file',
      [],
      () => {
        writeRuntime(at('runtime-1.8'), '1.8');
        writeFileSync(at('config.yaml'), 'Gramine:\n  Image: runtime-1.8\n');
      },
    ],
    [
      'SOURCE_DATE_EPOCH',
      [],
      () => {
        env = { ...env, SOURCE_DATE_EPOCH: '1700000000' };
      },
    ],
    ['--trust', ['--trust', '/var/lib/x'], () => undefined],
    ['--exclude', ['--exclude', '/data'], () => undefined],
    ['--env', ['--env', 'NEW=1'], () => undefined],
    ['--volume', ['--volume', '/data2=tmpfs'], () => undefined],
    ['--host', ['--host', 'a=127.0.0.1'], () => undefined],
    ['--insecure-args', ['--insecure-args'], () => undefined],
    ['--cmd', ['--cmd', '["/bin/sh"]'], () => undefined],
    ['--entrypoint', ['--entrypoint', '/bin/sh'], () => undefined],
    ['--secret', ['--secret', 'name'], () => undefined],
    ['--profile', ['--profile', 'profile'], () => writeFileSync(at('profile'), '/data\n')],
  ])('%s', async (_, more, change) => {
    const first = await reported(built('--json'));
    await change();
    const second = await reported(built('--json', '--force', ...more));
    expect([second.outcome, second.image_id === first.image_id]).toEqual(['written', false]);
    const fresh = await reported(built('--json', '--force', '--no-cache', ...more));
    expect(fresh).toEqual({ ...second, outcome: 'unchanged' });
    expect(known()).toBe(2);
  });

  test('a profile with another content', async () => {
    writeFileSync(at('profile'), '/data\n');
    const first = await reported(built('--json', '--profile', 'profile'));
    writeFileSync(at('profile'), '/etc/given\n');
    const second = await reported(built('--json', '--force', '--profile', 'profile'));
    expect([known(), second.image_id === first.image_id]).toEqual([2, false]);
  });

  test('the name of the manifest, which messages hold', async () => {
    await built();
    mkdirSync(at('other'), { recursive: true });
    copyFileSync(at('app.manifest'), at('other', 'app.manifest'));
    const result = await gsc([...words, 'oci:app:latest', 'other/app.manifest'], { env });
    expect([result.code, known()]).toEqual([0, 2]);
  });
});

describe('a build with a runtime of Graphene and several manifests', () => {
  const manifests = ['app.manifest', 'sh.manifest'];

  beforeEach(async () => {
    rmSync(at('runtime'), { recursive: true });
    writeFiles(at('runtime'), grapheneFiles('1.1'));
    await writeApp(at('app'), { run: { Cmd: ['/app'], WorkingDir: '/data' } });
    writeFileSync(at('app.manifest'), 'sgx.thread_num = 7\n');
    writeFileSync(at('sh.manifest'), 'sgx.thread_num = 8\n');
  });

  async function builtOf(...more: readonly string[]) {
    const result = await gsc([...words, ...more, 'oci:app:latest', ...manifests], { env });
    expect(result.code, result.stderr).toBe(0);
    return result;
  }

  test('is known, and how its result is run is said again', async () => {
    const [first, second] = [await builtOf(), await builtOf()];
    expect(known()).toBe(1);
    expect([second.stdout, said(second.stderr)]).toEqual([first.stdout, said(first.stderr)]);
    expect(second.stderr).toContain('once signed, run it with: docker run --device=/dev/isgx');
  });

  test('is another one where the manifest of a second program differs', async () => {
    const first = await reported(builtOf('--json'));
    writeFileSync(at('sh.manifest'), 'sgx.thread_num = 9\n');
    const second = await reported(builtOf('--json', '--force'));
    expect([known(), second.image_id === first.image_id]).toEqual([2, false]);
  });

  test('is another one without the second manifest, and with the version that is said of the runtime', async () => {
    const first = await reported(builtOf('--json'));
    const alone = await reported(built('--json', '--force'));
    expect([known(), alone.image_id === first.image_id]).toEqual([2, false]);
    const older = await reported(builtOf('--json', '--force', '--runtime-version', 'graphene-f51aafddf'));
    expect([known(), older.image_id === first.image_id]).toEqual([3, false]);
  });
});

describe('a runtime in a directory', () => {
  const states = () => {
    const root = at(`cache-${round}`, 'gsc', 'v1');
    const kinds = readdirSync(root).filter((kind) => kind.startsWith('state-'));
    return kinds.flatMap((kind) => readdirSync(join(root, kind))).length;
  };
  const anHour = 3_600_000;
  /** An hour on, so that nothing has just changed. */
  const builtLater = async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + anHour });
    try {
      return await reported(built('--json', '--force'));
    } finally {
      vi.useRealTimers();
    }
  };

  test('that has just changed is read each time', async () => {
    await built();
    await built();
    expect([known(), states()]).toEqual([1, 0]);
  });

  test('is the same as long as the kernel says so, and the same build as one of the same files', async () => {
    const status = await directoryStatus(at('runtime'), new Date(Date.now() + anHour));
    const first = await reported(built('--json'));
    for (const _ of ['read', 'not read'])
      expect(await builtLater()).toEqual({ ...first, outcome: 'unchanged' });
    // In a container nothing is believed of its own file system.
    expect([known(), states()]).toEqual([1, status === undefined ? 0 : 1]);
  });

  test('with another file of the same length and time is another one', async () => {
    const first = await builtLater();
    const file = at('runtime', 'usr/lib/x86_64-linux-gnu/gramine/sgx/libpal.so');
    const [content, { atime, mtime }] = [readFileSync(file), statSync(file)];
    content.writeUInt8(content.readUInt8(content.length - 1) ^ 1, content.length - 1);
    writeFileSync(file, content);
    utimesSync(file, atime, mtime);
    expect((await builtLater()).image_id).not.toBe(first.image_id);
    expect(known()).toBe(2);
  });
});
