import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { fleetPlaces } from '../../src/kubernetes/fleet-job.ts';
import { bundledGsc, type Gsc, gscInScratch, runProcess } from '../support/cli/gsc.ts';
import { writeFiles } from '../support/cli/made-files.ts';
import { appImage, staticProgram } from '../support/graminized/app-image.ts';
import { longTest } from '../support/long-test.ts';
import { installation } from '../support/runtime/make-tree.ts';
import { testKey } from '../support/signature/test-key.ts';
import { startDouble, stock } from '../support/store/registry/fixture.ts';

let gsc: Gsc;
const at = (...path: readonly string[]) => join(gsc.directory, ...path);

beforeAll(async () => {
  gsc = await gscInScratch();
  mkdirSync(at('lists'));
  writeFileSync(at('lists/app.manifest'), 'sgx.max_threads = 7\n');
});

const base = [
  'kubernetes',
  'fleet',
  '--images',
  'lists/list.yaml',
  '--worker-image',
  'registry.example/gsc:1',
];

function writeList(images: readonly object[], options: readonly string[] = []): void {
  writeFileSync(at('lists/list.yaml'), JSON.stringify({ options, images }));
}

/** What a kubelet does for one pod: its files where they are mounted, its variables, the index in its arguments. */
function podOf(manifests: string, index: number, secrets: Readonly<Record<string, Buffer | string>>) {
  const [configMap, job] = parseAllDocuments(manifests).map((document) => document.toJS());
  const [container] = job.spec.template.spec.containers;
  const root = at(`pod-${index}-${Math.random().toString(36).slice(2)}`);
  const files = Object.entries(configMap.data as Record<string, string>);
  writeFiles(root, Object.fromEntries(files.map(([name, text]) => [join(fleetPlaces.files, name), text])));
  writeFiles(root, secrets);
  const args = (container.args as string[]).map((word) => {
    const known = word.replaceAll('$(JOB_COMPLETION_INDEX)', String(index));
    return known.startsWith('/') ? join(root, known) : known;
  });
  const home = container.env.find(({ name }: { name: string }) => name === 'HOME').value;
  return { args, cwd: '/', env: { PATH: process.env.PATH ?? '', HOME: join(root, home) } };
}

describe('the Job of a fleet', () => {
  longTest('makes one image in each pod, shares the cache, and keeps what is done', async () => {
    const double = await startDouble();
    const repository = `docker://${double.domain}`;
    // The runtime is an image in the registry, as it has to be in a cluster.
    const words = ['--runtime', `${repository}/runtime:1`];
    const runtime = await runtimeImage();
    await stock(double, 'runtime', '1', runtime);
    for (const name of ['a', 'b']) {
      const entries = [[staticProgram(), ['shared', 'the same in both']], [['name', name]]] as const;
      await stock(double, name, '1', await appImage(entries, { Cmd: ['/app'] }));
    }
    writeList(
      ['a', 'b'].map((name) => ({ image: `${repository}/${name}:1`, manifest: 'app.manifest' })),
      words,
    );
    const cache = `${repository}/cache`;
    const more = ['--cache-repository', cache, '--cache-secret', 'c', '--key-secret', 'k'];
    const { stdout, stderr, code } = await gsc([...base, ...more]);
    expect(code, stderr).toBe(0);
    const { privateKey } = generateKeyPairSync('ed25519');
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    const secrets = {
      [join(fleetPlaces.key, 'key.pem')]: readFileSync(await testKey()),
      [join(fleetPlaces.cache, 'cache.pem')]: pem,
    };
    const bundle = await bundledGsc();
    const run = (index: number) => {
      const { args, ...options } = podOf(stdout, index, secrets);
      return runProcess([process.execPath, bundle, ...args, '--json'], options);
    };
    for (const [state, index] of [
      ['built', 0],
      ['built', 1],
      ['kept', 0],
      ['kept', 1],
    ] as const) {
      const pod = await run(index);
      expect(pod.code, pod.stderr).toBe(0);
      expect(JSON.parse(pod.stdout).images).toMatchObject([
        {
          image: `${repository}/${'ab'[index]}:1`,
          state,
          mr_enclave: expect.stringMatching(/^[0-9a-f]{64}$/),
        },
      ]);
    }
    const tags = [...double.repository('cache').manifests.keys()];
    expect(tags.filter((tag) => tag.startsWith('fleet-result-'))).toHaveLength(2);
    expect(double.repository('gsc-a').manifests.has('1')).toBe(true);
    // An index that there is not, as after a list was shortened, is a wrong list: not to be tried again.
    expect((await run(2)).code).toBe(2);
  });
});

/** An image with a Gramine installation. */
async function runtimeImage() {
  const entries = Object.entries(installation(undefined, '1.9')).map(([path, what]) => {
    const content =
      typeof what === 'string' || Buffer.isBuffer(what) ? what : { link: 'link' in what ? what.link : '' };
    return [path.replace(/^\//, ''), content] as const;
  });
  return appImage([entries], {});
}

describe('a fleet that no cluster could make is refused', () => {
  const image = { image: 'docker://r.example/a:1' };
  test.each([
    [base.slice(0, 4), [image], /^gsc: --worker-image: not given/],
    [base, [image], /^gsc: --results: not given: a pod keeps nothing/],
    [[...base, '--cache-repository', 'docker://r/c'], [image], /^gsc: --cache-secret: not given/],
    [[...base, '--results', 'oci:records'], [image], /a cluster cannot reach oci:records/],
    [
      [...base, '--results', 'docker://r/c'],
      [{ image: 'oci:app' }],
      /images\[0\]: a cluster cannot reach oci:app/,
    ],
    [
      [...base, '--results', 'docker://r/c'],
      [{ ...image, options: ['--runtime', 'runtime'] }],
      /images\[0\]: a cluster cannot reach runtime/,
    ],
    [
      [...base, '--results', 'docker://r/c'],
      [{ ...image, options: ['--runtime=oci:runtime'] }],
      /images\[0\]: a cluster cannot reach oci:runtime/,
    ],
    [[...base, '--results', 'docker://r/c', '--epc', '1GiB'], [image], /^gsc: --epc: it is about one image/],
    [[...base, '--results', 'docker://r/c', '--kind', 'job'], [image], /^gsc: --kind: it is about one image/],
    [[...base, '--results', 'docker://r/c', '--name', 'A b'], [image], /^gsc: --name: expected up to 63/],
    [
      [...base, '--results', 'docker://r/c'],
      [{ ...image, manifest: 'missing' }],
      /missing: .* cannot be read/,
    ],
    [
      ['kubernetes', 'app', '--images', 'lists/list.yaml'],
      [image],
      /^gsc: --images: it is an option of a fleet/,
    ],
    [['kubernetes', 'app', '--key-secret', 'k'], [image], /^gsc: --key-secret: it is an option of a fleet/],
  ])('%j', async (words, images, message) => {
    writeList(images);
    const { stderr, code, stdout } = await gsc(words);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/\nhint: /);
    expect(code).toBeGreaterThan(0);
    expect(stdout).toBe('');
  });

  test('a ConfigMap has room for 1 MB', async () => {
    writeFileSync(at('lists/large'), 'x'.repeat(1_100_000));
    writeList([{ ...image, manifest: 'large' }]);
    const { stderr, code } = await gsc([...base, '--results', 'docker://r/c']);
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/expected at most 1000000 bytes for a ConfigMap/),
    ]);
  });
});
