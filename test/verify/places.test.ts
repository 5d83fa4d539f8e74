import { join } from 'node:path';
import { describe, expect, type TestContext, test, vi } from 'vitest';
import { GscError } from '../../src/base/error.ts';
import type { Image } from '../../src/image/image.ts';
import { openImages } from '../../src/library/images.ts';
import type { ImageCheck } from '../../src/verify/check.ts';
import { type ImageVerdict, verifyImage } from '../../src/verify/verify-image.ts';
import { writeImage } from '../support/cli/made-files.ts';
import { engineWith } from '../support/end-to-end/engine-stage.ts';
import { registryWith, withoutEngine } from '../support/end-to-end/registry-stage.ts';
import { needs, stageForTests } from '../support/end-to-end/stage.ts';
import { runTool } from '../support/images/run-tool.ts';
import { podmanForTest } from '../support/store/engine/podman-service.ts';
import { AttackedImage } from '../support/verify/attacked-image.ts';
import { type Attack, attacks } from '../support/verify/attacks.ts';
import { signedApp } from '../support/verify/signed-app.ts';

vi.setConfig({ testTimeout: 900_000 });

const stage = stageForTests();
const layout = (name: string) => join(stage().gsc.directory, name);

async function signedLayout(
  context: TestContext,
): Promise<{ readonly reference: string; readonly mrSigner: string }> {
  needs(context, 'cc skopeo');
  const { image, mrSigner } = await signedApp(context);
  await writeImage(layout('signed'), image);
  return { reference: `oci:${layout('signed')}:latest`, mrSigner };
}

async function verify(reference: string, env: Readonly<Record<string, string>>, ...more: readonly string[]) {
  const { code, stdout, stderr } = await stage().gsc(['verify-image', '--json', ...more, reference], { env });
  expect(stdout, stderr).toMatch(/^\{"verified"/);
  return { code, checks: JSON.parse(stdout).checks as readonly ImageCheck[] };
}

/** Stores an attacked image by gsc's own writer, which leaves the layers that are there, and verifies it there. */
async function storedAndVerified(
  attacked: Image,
  reference: string,
  env: Readonly<Record<string, string>>,
): Promise<ImageVerdict> {
  const images = openImages({ host: { environment: env }, usesCache: false });
  try {
    await images.store(attacked, reference, { force: true });
    return await verifyImage((await images.open(reference)).image, { at: new Date() });
  } finally {
    await images.close();
  }
}

/** What the verdict on an image that was attacked does not name. */
function missedIn({ title, check, names }: Attack, { isVerified, checks }: ImageVerdict): readonly string[] {
  const texts = checks
    .filter(({ name, result }) => name === check && result === 'failed')
    .map(({ subject, detail, lines = [] }) => [`${subject}: ${detail}`, ...lines].join('\n'));
  const isNamed = !isVerified && texts.some((text) => names.test(text));
  return isNamed ? [] : [`${title}: ${texts.join('\n')}`];
}

/** Those that the Engine itself does not take are as good as named. */
const refusedByEngines = /duplicates of file paths not supported/;

async function expectAllNamed(
  context: TestContext,
  nameOf: (index: number) => string,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const { image } = await signedApp(context);
  const [missed, refused]: [string[], string[]] = [[], []];
  for (const [index, attack] of attacks.entries()) {
    const attacked = await AttackedImage.of(image);
    attack.change(attacked);
    try {
      missed.push(...missedIn(attack, await storedAndVerified(await attacked.build(), nameOf(index), env)));
    } catch (error) {
      if (!(error instanceof GscError && refusedByEngines.test(error.message))) throw error;
      refused.push(attack.title);
    }
  }
  expect(missed).toEqual([]);
  expect(refused.length).toBeLessThan(attacks.length / 20);
}

describe('attacks on an image in a registry', () => {
  test('are all named as in a layout', async (context) => {
    const { at } = await registryWith(context, []);
    await expectAllNamed(context, (index) => at(`attacked:${index}`), withoutEngine);
  });

  test('of which there are none leave the image verified, compressed again and under another tag too', async (context) => {
    const { reference, mrSigner } = await signedLayout(context);
    const { past, at, skopeo } = await registryWith(context, []);
    const copy = ['copy', '--quiet', '--dest-tls-verify=false', '--src-tls-verify=false'];
    await skopeo(...copy, reference, past('signed:1'));
    await skopeo(...copy, '--dest-compress-format', 'zstd', past('signed:1'), past('other/name:2'));
    for (const name of ['signed:1', 'other/name:2']) {
      expect(await verify(at(name), withoutEngine, '--mrsigner', mrSigner)).toMatchObject({ code: 0 });
    }
  });
});

describe('attacks on an image in an Engine', () => {
  test('are all named as in a layout', async (context) => {
    const { env } = await engineWith(context);
    await expectAllNamed(context, () => 'docker-daemon:attacked:1', env);
  });

  test('of which there are none leave the image verified: loaded, tagged, saved and loaded again', async (context) => {
    const { reference, mrSigner } = await signedLayout(context);
    const { engine, env } = await engineWith(context);
    await engine.load(reference, 'signed:1');
    await engine.docker('tag', 'signed:1', 'other/name:2');
    const saved = layout('saved.tar');
    await engine.docker('save', '-o', saved, 'other/name:2');
    for (const place of ['docker-daemon:signed:1', 'docker-daemon:other/name:2', `docker-archive:${saved}`]) {
      expect(await verify(place, env, '--mrsigner', mrSigner), place).toMatchObject({ code: 0 });
    }
  });
});

describe('an image that was copied', () => {
  test.each(['docker-archive', 'oci-archive', 'dir', 'v2s2'])(
    'by skopeo, as %s, is verified',
    async (form, ...rest: readonly unknown[]) => {
      const { reference, mrSigner } = await signedLayout(rest[0] as TestContext);
      const target = layout(`copied-${form}`);
      const format = form === 'v2s2' ? ['--format', 'v2s2'] : [];
      const kind = form === 'v2s2' ? 'dir' : form;
      await runTool('skopeo', ['copy', '--quiet', ...format, reference, `${kind}:${target}`]);
      const copied = kind === 'dir' ? `oci:${target}.oci` : `${kind}:${target}`;
      if (kind === 'dir') await runTool('skopeo', ['copy', '--quiet', `dir:${target}`, `${copied}:latest`]);
      expect(await verify(copied, withoutEngine, '--mrsigner', mrSigner)).toMatchObject({ code: 0 });
    },
  );

  test('by Podman, loaded and saved again, is verified', async (context) => {
    const { reference, mrSigner } = await signedLayout(context);
    const { podman } = await podmanForTest(context);
    await runTool('skopeo', [
      'copy',
      '--quiet',
      reference,
      `oci-archive:${layout('for-podman.tar')}:signed:1`,
    ]);
    await podman('load', '--quiet', '-i', layout('for-podman.tar'));
    const id = (await podman('images', '--quiet', '--no-trunc')).trim().split('\n')[0] ?? '';
    for (const form of ['docker-archive', 'oci-archive']) {
      const saved = layout(`podman-${form}.tar`);
      await podman('save', '--quiet', '--format', form, '-o', saved, id);
      expect(await verify(`${form}:${saved}`, withoutEngine, '--mrsigner', mrSigner), form).toMatchObject({
        code: 0,
      });
    }
  });
});
