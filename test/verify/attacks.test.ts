import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, type TestContext, test, vi } from 'vitest';
import { hexOf } from '../../src/base/digest.ts';
import type { ImageCheck } from '../../src/verify/check.ts';
import { gscInProcess } from '../support/cli/in-process.ts';
import { writeImage } from '../support/cli/made-files.ts';
import { hasTool } from '../support/tool.ts';
import { AttackedImage } from '../support/verify/attacked-image.ts';
import { attacks } from '../support/verify/attacks.ts';
import { type SignedApp, signedApp } from '../support/verify/signed-app.ts';

vi.setConfig({ testTimeout: 600_000 });

const canRun = hasTool('cc') || process.env.CI !== undefined;
if (!canRun) process.stderr.write('SKIPPED: attacks on a signed image need cc\n');

const gsc = gscInProcess();
const layout = (name: string) => join(gsc.directory, name);

interface Verified {
  readonly code: number | null;
  readonly verified: boolean;
  readonly checks: readonly ImageCheck[];
}

async function verify(name: string, ...more: readonly string[]): Promise<Verified> {
  const { code, stdout, stderr } = await gsc(['verify-image', '--json', ...more, `oci:${name}:latest`]);
  expect(stdout, stderr).toMatch(/^\{"verified"/);
  return { code, ...JSON.parse(stdout) };
}

/** Writes what an attacker makes of the signed image, and gives what verification says about it. */
async function attacked(context: TestContext, name: string, change: (image: AttackedImage) => void) {
  const { image } = await signedApp(context);
  const changed = await AttackedImage.of(image);
  change(changed);
  await writeImage(layout(name), await changed.build());
  return verify(name);
}

function textOf({ subject, detail, lines = [] }: ImageCheck): string {
  return [`${subject}: ${detail}`, ...lines].join('\n');
}

function failuresIn({ checks }: Verified): string {
  const failed = checks.filter(({ result }) => result === 'failed');
  return failed.map((check) => `${check.name}: ${textOf(check)}`).join('\n');
}

describe.skipIf(!canRun)('verify-image of an image in an OCI layout', () => {
  test('verifies what gsc made, each check but the signer, and with the signer all of its own', async (context) => {
    const { image, mrSigner } = await signedApp(context);
    await writeImage(layout('signed'), image);
    const plain = await verify('signed');
    expect(failuresIn(plain)).toBe('');
    expect([plain.code, plain.verified]).toEqual([0, true]);
    const expected = await verify('signed', '--mrsigner', mrSigner);
    const signer = expected.checks.find(({ name }) => name === 'signer');
    expect(signer?.result).toBe('ok');
    const other = await verify(
      'signed',
      '--mrsigner',
      mrSigner.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
    );
    expect([other.code, failuresIn(other)]).toEqual([1, expect.stringContaining('another key')]);
  });

  test('what is not changed but taken apart and put together again is verified', async (context) => {
    const { code, ...verdict } = await attacked(context, 'same', (image) => {
      for (const layer of image.layers) layer.isTouched = false;
    });
    expect([code, failuresIn({ code, ...verdict })]).toEqual([0, '']);
  });

  test('there are at least 60 attacks, each once', () => {
    expect(attacks.length).toBeGreaterThanOrEqual(60);
    expect(new Set(attacks.map(({ title }) => title)).size).toBe(attacks.length);
  });

  test.each(attacks.map((attack, index) => [attack.title, index, attack] as const))(
    'names %s',
    async (_, index, { change, check, names }, ...rest: readonly unknown[]) => {
      const verdict = await attacked(rest[0] as TestContext, `attack-${index}`, change);
      expect([verdict.code, verdict.verified]).toEqual([1, false]);
      const named = verdict.checks.filter(({ name, result }) => name === check && result === 'failed');
      expect(
        named.some((each) => names.test(textOf(each))),
        failuresIn(verdict),
      ).toBe(true);
    },
  );
});

describe.skipIf(!canRun)('bytes of a stored image whose digests were left as they were', () => {
  const blobsOf = ({ image }: SignedApp) => [
    ['the config', hexOf(image.configDescriptor.digest)] as const,
    ['the manifest', hexOf(image.manifest.digest)] as const,
    ...image.layers.map(({ descriptor }, index) => [`layer ${index + 1}`, hexOf(descriptor.digest)] as const),
  ];

  test.each([0, 1, 2, 3, 4, 5, 6])(
    'one bit of blob %i is named',
    async (index, ...rest: readonly unknown[]) => {
      const signed = await signedApp(rest[0] as TestContext);
      const name = `flipped-${index}`;
      await writeImage(layout(name), signed.image);
      const [what, blob] = blobsOf(signed)[index] ?? ['', ''];
      const file = join(layout(name), 'blobs/sha256', blob);
      const bytes = readFileSync(file);
      const middle = bytes.length >> 1;
      bytes[middle] = (bytes[middle] ?? 0) ^ 1;
      writeFileSync(file, bytes);
      expect(readdirSync(join(layout(name), 'blobs/sha256'))).toContain(blob);
      const verdict = await verify(name);
      expect([verdict.code, verdict.verified], what).toEqual([1, false]);
      expect(failuresIn(verdict)).toMatch(/^image: /);
      expect(failuresIn(verdict)).toContain(blob.slice(0, 12));
    },
  );
});
