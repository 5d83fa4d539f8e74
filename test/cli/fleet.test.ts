import { spawn } from 'node:child_process';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bundledGsc, type Gsc, type GscOptions, gscInScratch } from '../support/cli/gsc.ts';
import { writeApp, writeRuntime } from '../support/cli/made-files.ts';
import { longTest } from '../support/long-test.ts';
import { testKey } from '../support/signature/test-key.ts';
import { startDouble } from '../support/store/registry/fixture.ts';

let gsc: Gsc;
const at = (...path: readonly string[]) => join(gsc.directory, ...path);

beforeAll(async () => {
  gsc = await gscInScratch();
  writeRuntime(at('runtime'));
  for (const name of ['a', 'b', 'c']) await writeApp(at(name), { entries: [['name', name]] });
  copyFileSync(await testKey(), at('key.pem'));
  const { privateKey } = generateKeyPairSync('ed25519');
  writeFileSync(at('cache.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const publicKey = createPublicKey(privateKey);
  writeFileSync(at('cache.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
});

beforeEach(() => {
  for (const name of ['out', 'list.yaml.results', 'records'])
    rmSync(at(name), { recursive: true, force: true });
});

function writeList(...images: readonly (string | object)[]): void {
  const named = images.map((image, index) =>
    typeof image === 'string' ? { image: `oci:${image}`, output: `oci:out:${index}` } : image,
  );
  writeFileSync(at('list.yaml'), JSON.stringify({ options: ['--runtime', 'runtime'], images: named }));
}

async function fleet(words: readonly string[] = [], options: GscOptions = {}) {
  const result = await gsc(['fleet', '--images', 'list.yaml', '--json', '--jobs', '2', ...words], options);
  const said = result.stdout === '' ? {} : JSON.parse(result.stdout);
  const { images = [], ...counts } = said;
  return { ...result, said, counts, states: images.map(({ state }: { state: string }) => state), images };
}

const tagsIn = (layout: string): readonly string[] =>
  JSON.parse(readFileSync(at(layout, 'index.json'), 'utf8')).manifests.map(
    ({ annotations }: { annotations: Record<string, string> }) =>
      annotations['org.opencontainers.image.ref.name'],
  );

describe('a fleet', () => {
  longTest('makes every image, says what became of each, and keeps what is the same', async () => {
    writeList('a', 'b', 'c');
    const first = await fleet();
    expect(first.code, first.stderr).toBe(0);
    expect(first.counts).toEqual({ built: 3, unchanged: 0, kept: 0, failed: 0, not_made: 0 });
    expect(first.stderr).toMatch(/^\[3\/3\] oci:[abc]: built oci:out:\d@sha256:/m);
    expect(tagsIn('out').toSorted()).toEqual(['0', '1', '2']);
    expect(readdirSync(at('list.yaml.results'))).toHaveLength(3);
    const again = await fleet();
    expect(again.states).toEqual(['kept', 'kept', 'kept']);
    expect(again.images.map(({ digest }: { digest: string }) => digest)).toEqual(
      first.images.map(({ digest }: { digest: string }) => digest),
    );
  });

  longTest('gives what gsc build gives', async () => {
    writeList('a');
    const { images } = await fleet(['--key', 'key.pem', '--date', '2026-01-02']);
    const words = ['build', '--json', '--no-cache', '--runtime', 'runtime', '--key', 'key.pem'];
    const built = await gsc([...words, '--date', '2026-01-02', '-o', 'oci:alone:0', 'oci:a']);
    const { digest, mr_enclave } = JSON.parse(built.stdout);
    expect(images[0]).toMatchObject({ digest, mr_enclave, state: 'built', attempts: 1 });
  });

  longTest('makes again what is not the same any more, and only that', async () => {
    writeList('a', { image: 'oci:b', output: 'oci:out:1', manifest: 'm.toml' }, 'c');
    writeFileSync(at('m.toml'), 'sgx.max_threads = 5\n');
    expect((await fleet()).states).toEqual(['built', 'built', 'built']);
    writeFileSync(at('m.toml'), 'sgx.max_threads = 6\n');
    expect((await fleet(['--force'])).states).toEqual(['kept', 'built', 'kept']);
    await writeApp(at('c'), { entries: [['name', 'another']] });
    expect((await fleet(['--force'])).states).toEqual(['kept', 'kept', 'built']);
    rmSync(at('out'), { recursive: true });
    expect((await fleet()).states).toEqual(['built', 'built', 'built']);
    writeFileSync(at('runtime/more'), '1');
    expect((await fleet()).states).toEqual(['unchanged', 'unchanged', 'unchanged']);
    rmSync(at('runtime/more'));
  });

  longTest('with a failure makes the others, and ends with 1', async () => {
    writeList('a', 'missing', 'c');
    const { code, states, images, stderr } = await fleet();
    expect([code, states]).toEqual([1, ['built', 'failed', 'built']]);
    expect(images[1]).toMatchObject({ attempts: 1, error: { code: 'not-found', hint: expect.any(String) } });
    expect(stderr).toMatch(/: failed: missing: .*\n {2}hint: /);
    expect(stderr).toContain('2 built, 1 failed');
    const shown = await fleet(['--show']);
    expect([shown.code, shown.states]).toEqual([1, ['kept', 'not_made', 'kept']]);
  });

  longTest('makes one image of the list by its number', async () => {
    writeList('a', 'b');
    expect((await fleet(['--index', '1'])).images).toMatchObject([{ image: 'oci:b', state: 'built' }]);
    expect(tagsIn('out')).toEqual(['1']);
  });

  longTest('passes warnings on, each with its image', async () => {
    writeList({ image: 'oci:a', output: 'oci:out:0', options: ['--insecure-args'] });
    expect((await fleet()).stderr).toMatch(/^warning: oci:a: insecure: /m);
  });

  longTest('of a dozen at a time runs without a warning of Node', async () => {
    writeList(...Array.from({ length: 12 }, (_, index) => `missing-${index}`));
    const { code, stderr } = await fleet(['--jobs', '12', '--retries', '0']);
    expect(code).toBe(1);
    expect(stderr).not.toMatch(/MaxListeners|Warning:/);
  });

  longTest('prints a table', async () => {
    writeList('a', 'missing');
    const { stdout, code } = await gsc(['fleet', '--images', 'list.yaml', '-q']);
    expect(code).toBe(1);
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/)[0])).toEqual([
      'STATE',
      'built',
      'failed',
      '',
    ]);
  });
});

describe('with --index, which a Job tries again', () => {
  const one = async (entry: object, ...words: readonly string[]) => {
    writeList({ output: 'oci:out:0', ...entry });
    return fleet(['--index', '0', '--retries', '0', ...words], {
      env: { DOCKER_HOST: `unix://${at('no.sock')}` },
    });
  };

  longTest('the exit code is 3 for what is wrong, and stays so', async () => {
    const double = await startDouble();
    const locked = await startDouble({ login: { kind: 'basic', username: 'u', password: 'p' } });
    writeFileSync(at('bad.toml'), 'sgx.nonsense = 1\n');
    writeFileSync(at('bad.pem'), 'not a key\n');
    const insecure = ['--insecure-registry', double.domain, '--insecure-registry', locked.domain];
    const lasting = [
      [{ image: 'oci:missing' }, [], 'not-found'],
      [{ image: `docker://${double.domain}/no-such:1` }, insecure, 'not-found'],
      [{ image: `docker://${locked.domain}/a:1` }, insecure, 'registry'],
      [{ image: 'oci:a', manifest: 'bad.toml' }, [], 'manifest'],
      [{ image: 'oci:a' }, ['--key', 'bad.pem'], 'key'],
      [{ image: 'oci:a' }, ['--key', 'no-such.pem'], 'not-found'],
    ] as const;
    for (const [entry, words, reason] of lasting) {
      const { code, images, stderr } = await one(entry, ...words);
      expect([code, images[0]?.error.code], stderr).toEqual([3, reason]);
      expect(images[0]?.error).not.toHaveProperty('passing');
    }
    // Before the image's turn: the place of the results.
    const { code, said } = await one(
      { image: 'oci:a' },
      ...['--results', `docker://${locked.domain}/r`, '--cache-key', 'no-such.pem', ...insecure],
    );
    expect([code, said.error.code]).toEqual([3, 'not-found']);
  });

  longTest('it is 1 for what may pass', async () => {
    const double = await startDouble();
    const busy = { kind: 'answer', status: 503, headers: { 'retry-after': '3600' } } as const;
    for (const method of ['GET', 'HEAD']) double.fail(method, /manifests/, busy, 50);
    const passing = [
      [{ image: `docker://${double.domain}/a:1` }, ['--insecure-registry', double.domain], 'registry'],
      [{ image: 'docker://127.0.0.1:1/a:1' }, ['--insecure-registry', '127.0.0.1:1'], 'registry'],
      [{ image: 'docker-daemon:a:1' }, [], 'engine'],
      [{ image: 'oci:a' }, ['--key', 'exec:false'], 'key'],
    ] as const;
    for (const [entry, words, reason] of passing) {
      const { code, images, stderr } = await one(entry, ...words);
      expect([code, images[0]?.error.code], stderr).toEqual([1, reason]);
      expect(images[0]?.error).toMatchObject({ passing: true });
    }
    const results = ['--results', 'docker://127.0.0.1:1/r', '--insecure-registry', '127.0.0.1:1'];
    const { code, said } = await one({ image: 'oci:a' }, ...results, '--cache-key', 'cache.pem');
    expect([code, said.error ?? said.images[0].error]).toEqual([
      1,
      expect.objectContaining({ code: 'registry', passing: true }),
    ]);
  });

  longTest('it is 2 for a wrong list, and 0 for an image that is there', async () => {
    expect((await one({ image: 'oci:a', nonsense: 1 })).code).toBe(2);
    expect((await one({ image: 'oci:a' })).code).toBe(0);
    expect((await one({ image: 'oci:a' })).code).toBe(0);
    expect((await fleet(['--index', '7'])).code).toBe(2);
  });

  longTest('of a whole list it is 1, whatever fails', async () => {
    writeList('missing');
    expect((await fleet(['--retries', '0'])).code).toBe(1);
  });
});

describe('in a registry', () => {
  longTest('images, cache and signed records: another machine keeps what is done', async () => {
    const double = await startDouble();
    const repository = `docker://${double.domain}`;
    writeList(...['a', 'b'].map((name) => ({ image: `oci:${name}`, output: `${repository}/${name}:1` })));
    const cache = ['--cache-from', `${repository}/cache`, '--cache-to', `${repository}/cache`];
    const words = [...cache, '--cache-key', 'cache.pem', '--results', `${repository}/cache`];
    const first = await fleet(words);
    expect(first.states, first.stderr).toEqual(['built', 'built']);
    const tags = [...double.repository('cache').manifests.keys()].filter((tag) => !tag.startsWith('sha256:'));
    expect(tags.filter((tag) => tag.startsWith('fleet-result-'))).toHaveLength(2);
    expect(tags.filter((tag) => tag.startsWith('layer-index-')).length).toBeGreaterThan(0);
    const elsewhere = { env: { XDG_CACHE_HOME: at('elsewhere') } };
    expect((await fleet(words, elsewhere)).states).toEqual(['kept', 'kept']);
    // Records without a signature, or with one by another key, do not count.
    const unsigned = ['--results', `${repository}/cache`];
    expect((await fleet(unsigned, elsewhere)).states).toEqual(['unchanged', 'unchanged']);
  });

  longTest('that is busy, an image is tried again', async () => {
    const double = await startDouble();
    writeList({ image: 'oci:a', output: `docker://${double.domain}/a:1` });
    double.fail('PUT', /manifests/, { kind: 'answer', status: 503, headers: { 'retry-after': '3600' } }, 1);
    const { states, images } = await fleet();
    expect(states).toEqual(['built']);
    expect(images[0].attempts).toBe(2);
  });
});

describe('an end that comes too early', () => {
  /** A list of which the second image never comes: its registry is silent. */
  async function startStalled() {
    const double = await startDouble();
    for (const method of ['GET', 'HEAD']) double.fail(method, /./, { kind: 'silence' }, 99);
    writeList('a', { image: `docker://${double.domain}/app:1`, output: 'oci:out:1' });
    const words = ['fleet', '--images', 'list.yaml', '--json', '--jobs', '1'];
    const child = spawn(process.execPath, [await bundledGsc(), ...words], {
      cwd: gsc.directory,
      env: { PATH: process.env.PATH, HOME: at('home') },
    });
    const said = { stdout: '', stderr: '' };
    child.stdout.on('data', (piece) => {
      said.stdout += piece;
    });
    const firstDone = new Promise<void>((resolve) => {
      child.stderr.on('data', (piece) => {
        said.stderr += piece;
        if (said.stderr.includes('[1/2]')) resolve();
      });
    });
    const end = new Promise<number | null>((resolve) => child.on('close', resolve));
    await firstDone;
    return { child, said, end };
  }

  longTest('by Ctrl-C is a table of what is done, and 130', async () => {
    const { child, said, end } = await startStalled();
    child.kill('SIGINT');
    expect(await end).toBe(130);
    const { images } = JSON.parse(said.stdout);
    expect(images.map(({ state }: { state: string }) => state)).toEqual(['built', 'not_made']);
    expect(existsSync(at('list.yaml.results'))).toBe(true);
    expect(tagsIn('out')).toEqual(['0']);
  });
});

describe('what cannot be is refused before anything is made', () => {
  test.each([
    [['--insecure-args', 'docker://r.example/other'], /"docker:\/\/r.example\/other" belongs to no option/],
    [['--trust-level', 'lena'], /lean/],
    [['--no-such-option'], /--no-such-option/],
  ])('options of the list: %j', async (options, message) => {
    writeFileSync(at('words.yaml'), JSON.stringify({ images: [{ image: 'oci:a', options }] }));
    const result = await gsc(['fleet', '--images', 'words.yaml']);
    expect(result.stderr).toMatch(message);
    expect(result.code).toBe(2);
    expect(existsSync(at('out'))).toBe(false);
  });

  test.each([
    [['fleet'], /required option '--images <file>' not specified/, 2],
    [['fleet', '--images', 'missing.yaml'], /missing.yaml: the list of images cannot be read/, 1],
    [['fleet', '--images', 'list.yaml', '--jobs', '0'], /--jobs: expected a whole number from 1/, 2],
    [['fleet', '--images', 'list.yaml', '--retries', '-1'], /--retries: expected a whole number/, 2],
    [['fleet', '--images', 'list.yaml', '--index', '1'], /--index: expected a number from 0 to 0, got 1/, 2],
    [['fleet', '--images', 'list.yaml', '--cache-key', 'cache.pem'], /--cache-key: there is neither/, 2],
    [
      ['fleet', '--images', 'list.yaml', '--results', 'oci:records', '--cache-key', 'cache.pub'],
      /expected a private key/,
      1,
    ],
    [['fleet', '--images', 'list.yaml', '--results', 'oci:records:tag'], /got one with a tag/, 2],
    [['fleet', '--images', 'list.yaml', '--results', ''], /--results: expected a place/, 2],
    [
      ['fleet', '--images', 'list.yaml', '--results', 'oci:records', '--show'],
      /--show: there is no --cache-key/,
      2,
    ],
  ])('%j', async (words, message, code) => {
    writeList('a');
    const result = await gsc(words);
    expect(result.stderr).toMatch(message);
    expect(result.code).toBe(code);
    expect(existsSync(at('out'))).toBe(false);
  });
});
