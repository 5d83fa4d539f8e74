import { beforeAll, describe, expect, test } from 'vitest';
import { imagePath } from '../../src/base/image-path.ts';
import { noChoices } from '../../src/graminize/build-options.ts';
import type { Image } from '../../src/image/image.ts';
import { labels } from '../../src/image/labels.ts';
import { parsePolicy } from '../../src/policy/policy.ts';
import { type Runtime, runtimeDigest } from '../../src/runtime/runtime.ts';
import type { ImageCheckName } from '../../src/verify/check.ts';
import { type VerifyImageOptions, verifyImage } from '../../src/verify/verify-image.ts';
import { appImage, glibcProgram } from '../support/graminized/app-image.ts';
import { graminizeApp, runtimeOf } from '../support/graminized/graminized.ts';
import { attestingRuntime, raTlsElf } from '../support/user-manifest/attesting-runtime.ts';
import { AttackedImage } from '../support/verify/attacked-image.ts';

const baseName = 'docker.io/library/app:1';

let app: Image;
let runtime: Runtime;
let image: Image;
let digest: string;

beforeAll(async () => {
  app = await appImage([[...glibcProgram(), ['srv/a', 'a']]], { Cmd: ['/app', 'x'] });
  runtime = await runtimeOf('1.9');
  digest = runtimeDigest(runtime);
  image = (await graminizeApp(app, { runtime, baseName })).image;
});

/** The image with another text in a label: whoever passes it on can write one. */
async function labelled(label: string, value: string | undefined): Promise<Image> {
  const changed = await AttackedImage.of(image);
  changed.label(label, value);
  return changed.build();
}

async function checkOf(
  name: ImageCheckName,
  rules: string,
  given: Partial<VerifyImageOptions> & { readonly image?: Image } = {},
) {
  const { verifyImage: policy } = parsePolicy(`verify-image: {${rules}}`, 'policy.yaml');
  const { checks } = await verifyImage(given.image ?? image, { ...given, policy });
  const { result, detail } = checks.find((check) => check.name === name) ?? {};
  return `${result}: ${detail}`;
}

describe('a runtime that the policy names', () => {
  test('by its version is not checked where only a label says so, and says what would check it', async () => {
    const text = await checkOf('policy-runtime', 'runtimes: {accept: ["1.9"]}');
    expect(text).toMatch(/^not-checked: 1\.9, gramine 1\.9: only a label says so; --runtime REF/);
    expect(text).toContain(digest);
  });

  test.each(['"1.9"', 'gramine 1.9', '"1.8", "1.9"'])(
    'by its version %s is accepted if the given runtime has the same files',
    async (names) => {
      expect(await checkOf('policy-runtime', `runtimes: {accept: [${names}]}`, { runtime })).toMatch(/^ok: /);
    },
  );

  test('is not accepted for what a label says if the given runtime has other files', async () => {
    const other = await attestingRuntime();
    const text = await checkOf('policy-runtime', 'runtimes: {accept: ["1.9"]}', { runtime: other });
    expect(text).toMatch(/^not-checked: /);
  });

  test('by its digest is accepted, whatever a label says', async () => {
    const rules = `runtimes: {accept: ["${digest}"]}`;
    expect(await checkOf('policy-runtime', rules)).toMatch(/^ok: /);
    const other = await labelled(labels.runtimeDigest, `sha256:${'0'.repeat(64)}`);
    expect(await checkOf('policy-runtime', rules, { image: other })).toMatch(/^ok: /);
    const claimed = `runtimes: {accept: ["sha256:${'0'.repeat(64)}"]}`;
    expect(await checkOf('policy-runtime', claimed, { image: other })).toMatch(/^failed: expected sha256:0/);
  });

  test('fails if a label names another version, or the given runtime does', async () => {
    const rules = 'runtimes: {accept: ["1.8"]}';
    expect(await checkOf('policy-runtime', rules)).toMatch(/^failed: expected 1\.8, got 1\.9/);
    const renamed = await labelled(labels.runtimeVersion, '1.8');
    expect(await checkOf('policy-runtime', rules, { image: renamed })).toMatch(/^not-checked: 1\.8/);
    expect(await checkOf('policy-runtime', rules, { image: renamed, runtime })).toMatch(
      /^failed: expected 1\.8, got 1\.9/,
    );
  });

  test('is refused by its label, but that it is not refused needs a proof', async () => {
    expect(await checkOf('policy-runtime', 'runtimes: {refuse: ["1.9"]}')).toMatch(/^failed: .*refuses 1\.9/);
    const renamed = await labelled(labels.runtimeVersion, '1.8');
    const rules = 'runtimes: {refuse: ["1.9"]}';
    expect(await checkOf('policy-runtime', rules, { image: renamed })).toMatch(/^not-checked: 1\.8/);
    expect(await checkOf('policy-runtime', rules, { image: renamed, runtime })).toMatch(/^failed: /);
    expect(await checkOf('policy-runtime', 'runtimes: {refuse: ["1.7"]}', { runtime })).toMatch(/^ok: /);
    expect(await checkOf('policy-runtime', `runtimes: {refuse: ["sha256:${'0'.repeat(64)}"]}`)).toMatch(
      /^ok: /,
    );
    expect(await checkOf('policy-runtime', `runtimes: {refuse: ["1.7"], accept: ["${digest}"]}`)).toMatch(
      /^ok: /,
    );
  });

  test('needs nothing where the policy accepts any', async () => {
    expect(await checkOf('policy-runtime', '')).toMatch(/^ok: .*accepts any/);
  });
});

describe('an app image that the policy names', () => {
  const accepting = `bases: {accept: ["${baseName}"]}`;

  test('is not checked where only a label says so', async () => {
    expect(await checkOf('policy-base', accepting)).toMatch(/^not-checked: .*only a label says so; --base/);
    expect(await checkOf('policy-base', `bases: {accept: ["${app.manifest.digest}"]}`)).toMatch(
      /^not-checked: /,
    );
  });

  test('is accepted by the name under which the given one was opened, not by a label with the same digest', async () => {
    expect(await checkOf('policy-base', accepting, { base: { app, name: baseName } })).toMatch(/^ok: /);
    const base = { app, name: 'docker.io/library/other:1' };
    expect(await checkOf('policy-base', accepting, { base })).toMatch(/^not-checked: /);
    expect(await checkOf('policy-base', accepting, { base: { app } })).toMatch(/^not-checked: /);
  });

  test('is accepted by the digest of the given one, if the image has its layers', async () => {
    const rules = `bases: {accept: ["${app.manifest.digest}"]}`;
    expect(await checkOf('policy-base', rules, { base: { app } })).toMatch(/^ok: /);
    const other = await appImage([[...glibcProgram(), ['srv/a', 'b']]], { Cmd: ['/app', 'x'] });
    const others = `bases: {accept: ["${other.manifest.digest}"]}`;
    expect(await checkOf('policy-base', others, { base: { app: other } })).toMatch(/^failed: /);
  });

  test('is not known by the digest of a manifest that no store has', async () => {
    const synthesized = { ...app, isManifestSynthesized: true };
    const rules = `bases: {accept: ["${app.manifest.digest}"]}`;
    expect(await checkOf('policy-base', rules, { base: { app: synthesized } })).toMatch(/^not-checked: /);
  });

  test('is refused by its label, but that it is not refused needs a proof', async () => {
    const rules = `bases: {refuse: ["${baseName}"]}`;
    expect(await checkOf('policy-base', rules)).toMatch(/^failed: .*refuses/);
    const renamed = await labelled(labels.baseName, 'docker.io/library/good:1');
    expect(await checkOf('policy-base', rules, { image: renamed })).toMatch(/^not-checked: /);
    const base = { app, name: 'docker.io/library/good:1' };
    expect(await checkOf('policy-base', rules, { image: renamed, base })).toMatch(/^ok: /);
    expect(await checkOf('policy-base', '')).toMatch(/^ok: .*accepts any/);
  });
});

test('an insecure option is accepted by what the check says, also where its name has brackets', async () => {
  const manifest = 'fs.mounts = [{ path = "/shared", type = "untrusted_shm", uri = "dev:/dev/shm" }]';
  const { image: sharing } = await graminizeApp(app, { runtime, manifest });
  const name = 'policy-insecure-options';
  const refused = await checkOf(name, '', { image: sharing });
  const accepts = /accept it: (insecure_options: .*) does$/.exec(refused)?.[1] ?? '';
  expect(accepts).toMatch(/"fs\.mounts\[\d\]"/);
  expect(await checkOf(name, accepts, { image: sharing })).toMatch(/^ok: accepted: /);
});

test('gramine-ratls belongs to the runtime that an image is compared with', async () => {
  const attesting = await attestingRuntime();
  const raTls = { certificate: imagePath('/run/cert.pem'), key: imagePath('/run/key.pem') };
  const { image: starting } = await graminizeApp(app, {
    runtime: attesting,
    libc: 'auto',
    choices: { ...noChoices, raTls },
  });
  expect(await checkOf('runtime', '', { image: starting, runtime: attesting })).toMatch(/^ok: /);
  const other = await attestingRuntime({
    '/usr/bin/gramine-ratls': Buffer.concat([raTlsElf, Buffer.alloc(1)]),
  });
  expect(await checkOf('runtime', '', { image: starting, runtime: other })).toMatch(
    /^failed: 1 of its files are not those of .*gramine-ratls/,
  );
});
