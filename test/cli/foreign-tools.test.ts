import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { type Gsc, gscInScratch } from '../support/cli/gsc.ts';
import { imageForTest } from '../support/images/image-for-test.ts';
import type { ImageName } from '../support/images/make-image.ts';
import { runTool } from '../support/images/run-tool.ts';
import { standinRuntime } from '../support/images/standin-runtime.ts';
import { testKey } from '../support/signature/test-key.ts';
import { hasTool, testWithTool } from '../support/tool.ts';

// A Debian system is fetched at the first time.
vi.setConfig({ testTimeout: 300_000 });

let gsc: Gsc;
let runtime: string;
const at = (...path: readonly string[]) => join(gsc.directory, ...path);

beforeAll(async () => {
  gsc = await gscInScratch();
  if (hasTool('cc')) runtime = (await standinRuntime()).root;
  copyFileSync(await testKey(), join(gsc.directory, 'key.pem'));
});

const images: readonly ImageName[] = ['scratch', 'busybox', 'musl', 'node', 'debian-python'];
const canRun = ['cc', 'skopeo', 'umoci'].every(hasTool) || process.env.CI !== undefined;
if (!canRun) process.stderr.write('SKIPPED: images held to skopeo and umoci need cc, skopeo and umoci\n');

describe.skipIf(!canRun).each(images)('the graminized %s image', (name) => {
  test('is in a layout what skopeo and umoci take it for, unsigned and signed', async (context) => {
    const app = await imageForTest(context, name);
    const unsigned = await build(app.reference, `oci:${name}:u`);
    const sign = ['sign-image', '--json', '-o', `oci:${name}:s`, `oci:${name}:u`, 'key.pem'];
    const signed = JSON.parse((await gsc(sign)).stdout);
    expect(await inspect(`oci:${name}:u`)).toMatchObject({ digest: unsigned.digest, id: unsigned.image_id });
    expect(await inspect(`oci:${name}:s`)).toMatchObject({ digest: signed.digest, id: signed.image_id });
    expectTree(await unpacked(name, 's'), app.rootfs, name);
  });

  // Unpacking Debian takes umoci long, and the layout has shown that it can.
  test.skipIf(name === 'debian-python')('is the same image in archives', async (context) => {
    const app = await imageForTest(context, name);
    const { image_id: id } = await build(app.reference, `oci:${name}:u`);
    for (const archive of [`oci-archive:${name}.tar:x`, `docker-archive:${name}-docker.tar:x/y:1`]) {
      expect((await build(app.reference, archive)).image_id).toBe(id);
      // As it is: on the way to a layout skopeo would write a docker-archive's config again.
      await skopeo('copy', '-q', archive, `dir:${name}-copied`);
      expect((await inspect(`dir:${name}-copied`)).id).toBe(id);
    }
    await skopeo('copy', '-q', `docker-archive:${name}-docker.tar`, `oci:${name}-unpacked:x`);
    expectTree(await unpacked(`${name}-unpacked`, 'x'), app.rootfs, name);
  });
});

testWithTool(
  'cc skopeo',
  'an image that skopeo made of the result is signed like the result itself',
  async () => {
    if (!existsSync(at('scratch'))) return;
    await skopeo('copy', '-q', 'oci:scratch:u', 'docker-archive:moved.tar:x/gsc-moved:1-unsigned');
    const sign = (from: string, to: string) => gsc(['sign-image', '--json', '-o', to, from, 'key.pem']);
    const moved = JSON.parse((await sign('docker-archive:moved.tar', 'oci:moved:s')).stdout);
    const direct = JSON.parse((await sign('oci:scratch:u', 'oci:direct:s')).stdout);
    expect(moved.mr_enclave).toBe(direct.mr_enclave);
    expect(moved.image_id).toBe(direct.image_id);
  },
);

interface Built {
  readonly digest: string;
  readonly image_id: string;
}

async function build(app: string, output: string): Promise<Built> {
  const result = await gsc(['build', '--json', '--runtime', runtime, '-o', output, app]);
  expect(result.code, result.stderr).toBe(0);
  return JSON.parse(result.stdout);
}

function skopeo(...args: readonly string[]): Promise<string> {
  return runTool('skopeo', args, { cwd: gsc.directory });
}

/** The digests of an image's manifest and config, as skopeo reads them. */
async function inspect(reference: string): Promise<{ readonly digest: string; readonly id: string }> {
  const raw = JSON.parse(await skopeo('inspect', '--raw', reference));
  const { Digest: digest } = JSON.parse(await skopeo('inspect', reference));
  return { digest, id: raw.config.digest };
}

let bundles = 0;

/** The root that umoci unpacks. */
async function unpacked(layout: string, tag: string): Promise<string> {
  bundles += 1;
  mkdirSync(at('bundles'), { recursive: true });
  const bundle = at('bundles', `${bundles}`);
  await runTool('umoci', ['unpack', '--image', `${at(layout)}:${tag}`, bundle]);
  return join(bundle, 'rootfs');
}

/** Nothing of the app's files differs, in content, kind, owner, mode or time; only /gramine is new. */
function expectTree(root: string, app: string, name: ImageName): void {
  expect(listing(root).filter((line) => !isAdded(line))).toEqual(listing(app));
  expect(listing(root).filter(isAdded).length).toBeGreaterThan(10);
  // Device nodes (of Debian's /dev) are never equal to diff.
  const options = ['-r', '--no-dereference', '--exclude=dev', '--exclude=gramine'];
  expect(execFileSync('diff', [...options, app, root], { encoding: 'utf8' }), name).toBe('');
}

function isAdded(line: string): boolean {
  return /^gramine(\/| )/.test(line);
}

/** Every path with its kind, owner, mode, and time (a directory's changes when something is put into it). */
function listing(root: string): readonly string[] {
  const format = ['%P %y %m %U:%G %l', '(', '-type', 'd', '-printf', '\\n', '-o', '-printf', ' %T@\\n', ')'];
  const [printed = '', ...rest] = format;
  return execFileSync('find', [root, '-mindepth', '1', '-printf', printed, ...rest], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
    .trim()
    .split('\n')
    .sort();
}
