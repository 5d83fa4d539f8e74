import { createHash, generateKeyPairSync } from 'node:crypto';
import { copyFileSync, cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { signStatement } from '../../src/evidence/evidence-bundle.ts';
import { readPrivateEvidenceKey } from '../../src/evidence/evidence-key.ts';
import { assembleArtifact } from '../../src/image/artifact.ts';
import { LayoutReferrers } from '../../src/store/layout/referrers.ts';
import { openImage } from '../../src/store/open-image.ts';
import { type GscHere, gscInProcess } from '../support/cli/in-process.ts';
import { writeApp, writeRuntime } from '../support/cli/made-files.ts';
import { testKey } from '../support/signature/test-key.ts';

let gsc: GscHere;
const at = (...path: readonly string[]) => join(gsc.directory, ...path);

beforeAll(async () => {
  gsc = gscInProcess();
  writeRuntime(at('runtime'));
  await writeApp(at('app'), { run: { Cmd: ['/app'] } });
  copyFileSync(await testKey(), at('key.pem'));
  for (const name of ['mine', 'theirs']) {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    writeFileSync(at(`${name}.pem`), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    writeFileSync(at(`${name}.pub`), publicKey.export({ type: 'spki', format: 'pem' }));
  }
  const args = ['build', '--runtime', 'runtime', '--key', 'key.pem', '-o', 'oci:signed:1', 'oci:app'];
  expect(await gsc(args)).toMatchObject({ code: 0 });
});

/** A layout with the signed image, for one test. */
function fresh(name: string): string {
  cpSync(at('signed'), at(name), { recursive: true });
  return `oci:${name}:1`;
}

const attest = (image: string, key = 'mine.pem') => gsc(['attest-build', image, '--evidence-key', key]);

describe('gsc attest-build and gsc evidence', () => {
  test('attach a bundle once, list it and show that it holds', async () => {
    const image = fresh('once');
    const first = await attest(image);
    expect(first, first.stderr).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^sha256:[0-9a-f]{64}\n$/),
    });
    const second = await attest(image);
    expect([second.stdout, second.stderr]).toEqual([
      first.stdout,
      expect.stringContaining('nothing was added'),
    ]);
    const list = await gsc(['evidence', 'ls', image]);
    expect(list.stdout).toBe(`${first.stdout.trim()}  https://slsa.dev/provenance/v1\n`);
    const shown = await gsc(['evidence', 'show', image, '--evidence-key', 'mine.pub']);
    expect(shown.code).toBe(0);
    for (const check of ['signature', 'subject', 'statement'])
      expect(shown.stdout).toMatch(new RegExp(`^ {2}${check} +ok `, 'm'));
    expect((await gsc(['evidence', 'show', image])).stdout).toMatch(
      /^ {2}signature +not-checked .*--evidence-key/m,
    );
    // What is attached changes nothing of the image.
    expect((await gsc(['info-image', 'oci:once'])).code).toBe(0);
  });

  test('give JSON', async () => {
    const image = fresh('json');
    const made = JSON.parse(
      (await gsc(['attest-build', '--json', image, '--evidence-key', 'mine.pem'])).stdout,
    );
    expect(made).toMatchObject({
      outcome: 'written',
      statement: { _type: 'https://in-toto.io/Statement/v1' },
    });
    const [listed] = JSON.parse((await gsc(['evidence', 'ls', '--json', image])).stdout);
    expect(listed).toEqual({
      digest: made.evidence,
      predicate_type: 'https://slsa.dev/provenance/v1',
      key: expect.any(String),
    });
    const [shown] = JSON.parse(
      (await gsc(['evidence', 'show', '--json', image, '--evidence-key', 'mine.pem'])).stdout,
    );
    expect(shown).toMatchObject({
      digest: made.evidence,
      statement: made.statement,
      checks: [{ name: 'signature', result: 'ok' }, {}, {}],
    });
  });

  test('a key finds its own evidence among others, and fails where it has signed none', async () => {
    const image = fresh('several');
    await attest(image, 'theirs.pem');
    const show = () => gsc(['evidence', 'show', image, '--evidence-key', 'mine.pub']);
    expect(await show()).toMatchObject({ code: 1, stdout: expect.stringMatching(/signature +failed/) });
    await attest(image, 'mine.pem');
    expect(await show()).toMatchObject({ code: 0 });
    expect(await gsc(['evidence', 'show', 'oci:signed:1', '--evidence-key', 'mine.pub'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no evidence is attached'),
    });
  });

  test('a bundle that was changed where it is stored is an error that names its blob', async () => {
    const image = fresh('damaged');
    const digest = (await attest(image)).stdout.trim().slice(7);
    const { layers } = JSON.parse(readFileSync(at('damaged/blobs/sha256', digest), 'utf8'));
    const blob = at('damaged/blobs/sha256', layers[0].digest.slice(7));
    writeFileSync(blob, readFileSync(blob, 'utf8').replace('"hint":"', '"hint":"x').slice(0, -2));
    expect(await gsc(['evidence', 'show', image])).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/bundle +failed/),
    });
  });
});

test('a hostile statement does not steer the terminal', async () => {
  const image = fresh('hostile');
  const { manifest } = await openImage({ kind: 'oci', path: at('hostile'), tag: '1' });
  const claims = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [],
    predicateType: 'x\u009b31m\u001b[31m',
  };
  const content = signStatement(
    claims as never,
    readPrivateEvidenceKey(readFileSync(at('mine.pem')), 'mine'),
  );
  const artifactType = 'application/vnd.dev.sigstore.bundle.v0.3+json';
  const artifact = assembleArtifact({ artifactType, subject: manifest, annotations: {}, content });
  await new LayoutReferrers(at('hostile')).attach(manifest, artifact);
  for (const action of ['ls', 'show']) {
    const { stdout } = await gsc(['evidence', action, image]);
    expect(stdout).toContain('x\\x9b31m');
    expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  }
});

describe('gsc verify-image --evidence-key', () => {
  const verify = async (image: string, key = 'mine.pub') => {
    const { code, stdout } = await gsc(['verify-image', '--json', image, '--evidence-key', key]);
    const { checks } = JSON.parse(stdout) as {
      checks: readonly { name: string; result: string; detail: string }[];
    };
    return { code, found: checks.filter(({ name }) => name === 'evidence') };
  };

  test('finds what the key has signed, also among others', async () => {
    const image = fresh('verified');
    for (const key of ['theirs.pem', 'mine.pem']) await attest(image, key);
    expect(await verify(image)).toMatchObject({ code: 0, found: [{ result: 'ok' }] });
  });

  test('fails where only others have signed, and does not check where nothing is attached', async () => {
    const image = fresh('others');
    expect(await verify(image)).toMatchObject({
      code: 0,
      found: [{ result: 'not-checked', detail: expect.stringContaining('gsc attest-build') }],
    });
    await attest(image, 'theirs.pem');
    expect(await verify(image)).toMatchObject({ code: 1, found: [{ result: 'failed' }] });
  });

  test('fails for evidence of another image under the same key', async () => {
    await writeApp(at('another'), { run: { Cmd: ['/app', 'another'] } });
    const args = ['build', '--runtime', 'runtime', '--key', 'key.pem', '-o', 'oci:moved:2', 'oci:another'];
    expect(await gsc(args)).toMatchObject({ code: 0 });
    await attest('oci:moved:2');
    const [entry, evidence] = JSON.parse(readFileSync(at('moved/index.json'), 'utf8')).manifests;
    const image = fresh('swapped');
    const [own] = JSON.parse(readFileSync(at('swapped/index.json'), 'utf8')).manifests;
    // The artifact names this image as its subject; its statement is about the other one.
    const file = (digest: string) => digest.replace(':', '/');
    const text = readFileSync(at('moved/blobs', file(evidence.digest)), 'utf8').replaceAll(
      entry.digest,
      own.digest,
    );
    const manifest = Buffer.from(text.replace(`"size":${entry.size}`, `"size":${own.size}`));
    const digest = `sha256:${createHash('sha256').update(manifest).digest('hex')}`;
    cpSync(at('moved/blobs'), at('swapped/blobs'), { recursive: true });
    writeFileSync(at('swapped/blobs', file(digest)), manifest);
    const manifests = [own, { ...evidence, digest, size: manifest.length }];
    writeFileSync(at('swapped/index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
    const { code, found } = await verify(image);
    expect([code, found.map(({ result }) => result)]).toEqual([1, ['failed', 'failed']]);
  });
});

describe('gsc sign-image --evidence-key', () => {
  const sign = (...more: readonly string[]) =>
    gsc(['sign-image', 'oci:pair:1', 'key.pem', '--evidence-key', 'mine.pem', ...more]);
  beforeAll(async () => {
    await writeApp(at('pair'), { run: { Cmd: ['/app'] } });
    expect(
      await gsc(['build', '--runtime', 'runtime', '-o', 'oci:pair:1', '--force', 'oci:pair']),
    ).toMatchObject({ code: 0 });
  });

  test('attaches evidence to what was signed', async () => {
    const signed = await sign('-o', 'oci:attested:1');
    expect(signed, signed.stderr).toMatchObject({ code: 0 });
    expect(await gsc(['evidence', 'show', 'oci:attested:1', '--evidence-key', 'mine.pub'])).toMatchObject({
      code: 0,
    });
  });

  test('is refused beside --prepare, which attaches nothing', async () => {
    const args = ['sign-image', 'oci:pair:1', '--prepare', 'prepared', '--evidence-key', 'mine.pem'];
    expect(await gsc(args)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/--evidence-key.*--prepare|--prepare.*--evidence-key/),
    });
    expect(existsSync(at('prepared'))).toBe(false);
  });

  test('signs nothing where nothing can be attached, or with a key that does not fit', async () => {
    const elsewhere = await sign('-o', 'docker-archive:attested.tar:a:1');
    expect(elsewhere).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/expected a registry or an OCI layout/),
    });
    const args = [
      'sign-image',
      'oci:pair:1',
      'key.pem',
      '--evidence-key',
      'mine.pub',
      '-o',
      'oci:unsigned:1',
    ];
    expect(await gsc(args)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/expected a private key/),
    });
    for (const name of ['attested.tar', 'unsigned']) expect(existsSync(at(name))).toBe(false);
  });
});

describe('what cannot be attested is refused:', () => {
  test.each<[string, readonly string[], number, RegExp]>([
    [
      'an unsigned image',
      ['attest-build', 'oci:app', '--evidence-key', 'mine.pem'],
      1,
      /expected a signed image/,
    ],
    [
      'an image in an archive',
      ['attest-build', 'docker-archive:x.tar:a:1', '--evidence-key', 'mine.pem'],
      2,
      /expected a registry or an OCI layout/,
    ],
    ['without a key', ['attest-build', 'oci:signed:1'], 2, /--evidence-key/],
    [
      'with a public key',
      ['attest-build', 'oci:signed:1', '--evidence-key', 'mine.pub'],
      1,
      /expected a private key/,
    ],
    ['with the enclave’s key', ['attest-build', 'oci:signed:1', '--evidence-key', 'key.pem'], 1, /got RSA/],
    [
      'with a key that is not there',
      ['attest-build', 'oci:signed:1', '--evidence-key', 'none.pem'],
      1,
      /none\.pem/,
    ],
    [
      'a list with a key',
      ['evidence', 'ls', 'oci:signed:1', '--evidence-key', 'mine.pub'],
      2,
      /evidence show/,
    ],
    ['another action', ['evidence', 'rm', 'oci:signed:1'], 2, /ls, show|ls or show/],
  ])('%s', async (_name, args, code, message) => {
    if (args.includes('docker-archive:x.tar:a:1'))
      await gsc([
        'build',
        '--runtime',
        'runtime',
        '--key',
        'key.pem',
        '-o',
        'docker-archive:x.tar:a:1',
        'oci:app',
      ]);
    expect(await gsc([...args])).toMatchObject({ code, stderr: expect.stringMatching(message) });
  });
});
