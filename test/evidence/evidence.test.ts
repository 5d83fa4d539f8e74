import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { bundleFromJSON } from '@sigstore/bundle';
import { toSignedEntity, Verifier } from '@sigstore/verify';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkEvidence } from '../../src/evidence/attached-evidence.ts';
import { isSignedBy, parseEvidence, signStatement } from '../../src/evidence/evidence-bundle.ts';
import { readPrivateEvidenceKey, readPublicEvidenceKey } from '../../src/evidence/evidence-key.ts';
import { statementOf } from '../../src/evidence/statement.ts';
import type { Image } from '../../src/image/image.ts';
import { inspectImage } from '../../src/inspect/inspect-image.ts';
import { pemSigner } from '../../src/key/pem-signer.ts';
import { signImage } from '../../src/sign/sign-image.ts';
import { appImage, staticProgram } from '../support/graminized/app-image.ts';
import { graminizeApp } from '../support/graminized/graminized.ts';
import { testKey } from '../support/signature/test-key.ts';

const pemOf = (key: KeyObject, type: 'pkcs8' | 'spki') => Buffer.from(key.export({ type, format: 'pem' }));
const pairs = {
  ed25519: generateKeyPairSync('ed25519'),
  p256: generateKeyPairSync('ec', { namedCurve: 'prime256v1' }),
};
const privateKey = (kind: keyof typeof pairs) =>
  readPrivateEvidenceKey(pemOf(pairs[kind].privateKey, 'pkcs8'), kind);
const publicKey = (kind: keyof typeof pairs) =>
  readPublicEvidenceKey(pemOf(pairs[kind].publicKey, 'spki'), kind);

let image: Image;
let other: Image;
beforeAll(async () => {
  const signer = pemSigner(await readFile(await testKey()), { subject: 'test key' });
  const make = async (argument: string) => {
    const app = await appImage([[staticProgram()]], { Cmd: ['/app', argument] });
    return (await signImage((await graminizeApp(app)).image, { signer })).image;
  };
  [image, other] = [await make('a'), await make('b')];
});

const statement = async (of: Image = image) =>
  statementOf(of, await inspectImage(of), { repository: 'example.com/app' });

describe('a statement', () => {
  test('is an in-toto Statement with SLSA provenance whose subject is the image, without a time', async () => {
    const made = await statement();
    const { mrEnclave, mrSigner } = (await inspectImage(image)).sigstruct;
    expect(made).toMatchObject({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'example.com/app', digest: { sha256: image.manifest.digest.slice(7) } }],
      predicateType: 'https://slsa.dev/provenance/v1',
      predicate: {
        buildDefinition: {
          resolvedDependencies: [
            { name: 'app image' },
            { name: 'runtime', annotations: { version: 'gramine 1.9' } },
          ],
        },
        runDetails: { builder: { version: { gsc: '0.0.0-test' } } },
      },
    });
    const digests = made.predicate.runDetails.byproducts.map(({ name, digest }) => [name, digest?.sha256]);
    expect(Object.fromEntries(digests)).toMatchObject({ MRENCLAVE: mrEnclave, MRSIGNER: mrSigner });
    expect(await statement()).toEqual(made);
  });

  test('names the layers of the app image, and none that gsc has added, as the build noted them', async () => {
    const [app] = (await statement()).predicate.buildDefinition.resolvedDependencies;
    expect(app?.annotations?.layers).toEqual(image.config.rootfs.diff_ids?.slice(0, 1));
    // Whatever the history of the app image says.
    const history = [
      { created_by: 'gsc' },
      { created_by: 'gsc' },
      { created_by: 'gsc' },
      { created_by: 'gsc' },
    ];
    const [same] = (await statement({ ...image, config: { ...image.config, history } })).predicate
      .buildDefinition.resolvedDependencies;
    expect(same).toEqual(app);
  });

  test('has the options of the build that are not the default', async () => {
    const { externalParameters } = (await statement()).predicate.buildDefinition;
    expect(externalParameters).toMatchObject({ image: null, options: expect.any(Object) });
    const signer = pemSigner(await readFile(await testKey()), { subject: 'test key' });
    const app = await appImage([[staticProgram()]], { Cmd: ['/app'] });
    const lean = await signImage((await graminizeApp(app, { trustLevel: 'lean' })).image, { signer });
    expect((await statement(lean.image)).predicate.buildDefinition.externalParameters.options).toMatchObject({
      trustLevel: 'lean',
    });
  });
});

describe.each(['ed25519', 'p256'] as const)('a bundle signed with %s', (kind) => {
  test('is one that sigstore verifies', async () => {
    const bundle = JSON.parse(signStatement(await statement(), privateKey(kind)).toString());
    const { hint, key } = publicKey(kind);
    const verifier = new Verifier(
      {
        certificateAuthorities: [],
        timestampAuthorities: [],
        tlogs: [],
        ctlogs: [],
        publicKey: (asked) => {
          expect(asked).toBe(hint);
          return { publicKey: key, validFor: () => true };
        },
      },
      { tlogThreshold: 0, timestampThreshold: 0 },
    );
    expect(() => verifier.verify(toSignedEntity(bundleFromJSON(bundle)))).not.toThrow();
    expect(bundle.mediaType).toBe('application/vnd.dev.sigstore.bundle.v0.3+json');
  });

  test('is fine by the key that signed it, and by no other', async () => {
    const evidence = parseEvidence(signStatement(await statement(), privateKey(kind)), 'x');
    expect(isSignedBy(evidence, publicKey(kind))).toBe(true);
    expect(isSignedBy(evidence, publicKey(kind === 'p256' ? 'ed25519' : 'p256'))).toBe(false);
    const checks = await checkEvidence(evidence, image, publicKey(kind));
    expect(checks.map(({ name, result }) => [name, result])).toEqual([
      ['signature', 'ok'],
      ['subject', 'ok'],
      ['statement', 'ok'],
    ]);
  });
});

test('with Ed25519 the same statement gives the same bytes', async () => {
  const made = await statement();
  expect(signStatement(made, privateKey('ed25519'))).toEqual(signStatement(made, privateKey('ed25519')));
});

/** A bundle as another program may have made it. */
async function changed(change: (bundle: ReturnType<typeof JSON.parse>) => void) {
  const bundle = JSON.parse(signStatement(await statement(), privateKey('ed25519')).toString());
  change(bundle);
  return Buffer.from(JSON.stringify(bundle));
}

describe('evidence that has been tampered with is found out:', () => {
  const results = async (bytes: Buffer, of: Image = image) => {
    const checks = await checkEvidence(parseEvidence(bytes, 'x'), of, publicKey('ed25519'));
    return Object.fromEntries(checks.map(({ name, result }) => [name, result]));
  };

  test('another payload', async () => {
    const bytes = await changed(({ dsseEnvelope }) => {
      const payload = Buffer.from(dsseEnvelope.payload, 'base64')
        .toString()
        .replace(/"sha256":"./, '"sha256":"x');
      dsseEnvelope.payload = Buffer.from(payload).toString('base64');
    });
    expect(await results(bytes)).toMatchObject({ signature: 'failed' });
  });

  test('another signature', async () => {
    const bytes = await changed(({ dsseEnvelope: { signatures } }) => {
      signatures[0].sig = sign(null, Buffer.from('x'), pairs.ed25519.privateKey).toString('base64');
    });
    expect(await results(bytes)).toMatchObject({ signature: 'failed' });
  });

  test('a statement about another image', async () => {
    const bytes = signStatement(await statement(other), privateKey('ed25519'));
    expect(await results(bytes)).toMatchObject({ signature: 'ok', subject: 'failed', statement: 'failed' });
  });

  test('a signed statement about this image that does not say what the image says', async () => {
    const made = await statement();
    const lie = { ...made, predicate: (await statement(other)).predicate };
    const evidence = parseEvidence(signStatement(lie, privateKey('ed25519')), 'x');
    const checks = await checkEvidence(evidence, image, publicKey('ed25519'));
    expect(checks.at(-1)).toMatchObject({
      result: 'failed',
      detail: expect.stringMatching(/predicate\.runDetails\.byproducts\.0\.digest\.sha256/),
    });
  });

  test('a statement without a subject', async () => {
    const bytes = signStatement({ ...(await statement()), subject: [] }, privateKey('ed25519'));
    expect(await results(bytes)).toMatchObject({ subject: 'failed' });
  });

  test('a statement of another tool is not judged', async () => {
    const bytes = signStatement(
      { ...(await statement()), predicateType: 'https://example.com/v1' as never },
      privateKey('ed25519'),
    );
    expect(await results(bytes)).toEqual({ signature: 'ok', subject: 'ok', statement: 'not-checked' });
  });
});

describe('what is not evidence is refused:', () => {
  test.each<[string, (bundle: ReturnType<typeof JSON.parse>) => void, RegExp]>([
    [
      'another payload type',
      ({ dsseEnvelope }) => {
        dsseEnvelope.payloadType = 'text/plain';
      },
      /payload type/,
    ],
    [
      'two signatures',
      ({ dsseEnvelope: { signatures } }) => {
        signatures.push(signatures[0]);
      },
      /sigstore bundle/,
    ],
    [
      'no signature',
      ({ dsseEnvelope }) => {
        dsseEnvelope.signatures = [];
      },
      /sigstore bundle/,
    ],
    [
      'a payload that is not JSON',
      ({ dsseEnvelope }) => {
        dsseEnvelope.payload = 'AAAA';
      },
      /JSON object/,
    ],
    [
      'another kind of payload',
      ({ dsseEnvelope }) => {
        dsseEnvelope.payload = 'e30=';
      },
      /Statement\/v1/,
    ],
    [
      'a payload that is nested without end',
      ({ dsseEnvelope }) => {
        const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
        dsseEnvelope.payload = Buffer.from(
          `{"_type":"https://in-toto.io/Statement/v1","predicate":${deep}}`,
        ).toString('base64');
      },
      /nested deeper than/,
    ],
    [
      'a payload that is not UTF-8',
      ({ dsseEnvelope }) => {
        dsseEnvelope.payload = Buffer.from('{"_type":"\xff"}', 'latin1').toString('base64');
      },
      /not UTF-8/,
    ],
    [
      'a bundle without content',
      (bundle) => {
        bundle.dsseEnvelope = undefined;
      },
      /sigstore bundle/,
    ],
    [
      'a later version',
      (bundle) => {
        bundle.mediaType = 'application/vnd.dev.sigstore.bundle.v9+json';
      },
      /sigstore bundle|version/,
    ],
  ])('%s', async (_name, change, message) => {
    const bytes = await changed(change);
    expect(() => parseEvidence(bytes, 'x')).toThrow(message);
    expect(() => parseEvidence(bytes, 'x')).toThrow(
      expect.objectContaining({ code: 'evidence', hint: expect.any(String) }),
    );
  });

  test.each([Buffer.alloc(0), Buffer.from('[]'), Buffer.from('null'), Buffer.from([0xff, 0xfe])])(
    '%s',
    (bytes) => {
      expect(() => parseEvidence(bytes, 'x')).toThrow(expect.objectContaining({ code: 'evidence' }));
    },
  );
});

describe('keys for evidence', () => {
  const { privateKey: encrypted } = generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  test.each<[string, Buffer, RegExp]>([
    [
      'RSA',
      pemOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, 'pkcs8'),
      /expected an ECDSA P-256 or Ed25519 key, got RSA/,
    ],
    [
      'another curve',
      pemOf(generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).privateKey, 'pkcs8'),
      /got EC on the curve secp384r1/,
    ],
    ['a public key', pemOf(pairs.ed25519.publicKey, 'spki'), /expected a private key/],
    ['an encrypted key', Buffer.from(encrypted), /got an encrypted one/],
    ['text', Buffer.from('hello'), /expected a private key/],
    ['nothing', Buffer.alloc(0), /expected a private key/],
  ])('that do not fit are refused: %s', (_name, pem, message) => {
    expect(() => readPrivateEvidenceKey(pem, 'key.pem')).toThrow(message);
  });

  test('of which the private one is given verify as well', () => {
    expect(readPublicEvidenceKey(pemOf(pairs.p256.privateKey, 'pkcs8'), 'x').hint).toBe(
      publicKey('p256').hint,
    );
  });
});
