import { createPublicKey, verify } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { GscError } from '../../src/base/error.ts';
import { generatePrivateKey } from '../../src/key/generate-private-key.ts';
import { pemSigner } from '../../src/key/pem-signer.ts';
import { openssl } from '../support/signature/keys.ts';
import { hasNeededTool } from '../support/tool.ts';

const message = Buffer.from('what is signed');

let pem = '';
beforeAll(async () => {
  pem = await generatePrivateKey();
});

const open = (key: Buffer | string, passphrase?: string) =>
  pemSigner(Buffer.from(key), { subject: 'key.pem', ...(passphrase === undefined ? {} : { passphrase }) });

async function expectOwnSignature(key: Buffer | string, passphrase?: string): Promise<void> {
  const signer = open(key, passphrase);
  const signature = await signer.sign(message);
  expect(signature).toHaveLength(384);
  expect(verify('sha256', message, createPublicKey(pem), signature)).toBe(true);
  expect(signer.modulus).toHaveLength(384);
  expect(signer.modulus.equals(open(pem).modulus)).toBe(true);
}

/** The error, after a look that nothing of the key is in it. */
function failureOf(key: Buffer | string, passphrase?: string): GscError {
  try {
    open(key, passphrase);
  } catch (error) {
    const text = `${(error as Error).stack}\n${JSON.stringify(error)}`;
    for (const line of key
      .toString('latin1')
      .split('\n')
      .filter((each) => each.length > 40)) {
      expect(text).not.toContain(line);
    }
    return error as GscError;
  }
  throw new Error('the key was taken');
}

const expected = 'key.pem: expected a PEM file with an RSA-3072 key with exponent 3, got';

describe('a generated key', () => {
  it('is RSA-3072 with exponent 3 in PKCS#1, unencrypted, and never the same', async () => {
    expect(pem).toMatch(
      /^-----BEGIN RSA PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+-----END RSA PRIVATE KEY-----\n$/,
    );
    const details = createPublicKey(pem).asymmetricKeyDetails;
    expect(details).toMatchObject({ modulusLength: 3072, publicExponent: 3n });
    expect(await generatePrivateKey()).not.toBe(pem);
  });

  it.skipIf(!hasNeededTool('openssl'))('is a sound key for openssl', () => {
    const checked = openssl(['rsa', '-check', '-in', 'in', '-noout', '-out', 'out'], { in: pem });
    expect(checked.toString()).toBe('RSA key ok\n');
  });
});

describe('a PEM signer', () => {
  it('signs with a PKCS#1 key', () => expectOwnSignature(pem));

  it('takes a key after other text and with Windows line endings', () =>
    expectOwnSignature(`Bag Attributes\n  friendlyName: x\n${pem}`.replaceAll('\n', '\r\n')));

  it('does not look at the passphrase for a plain key', () => expectOwnSignature(pem, 'whatever'));

  it('says so where a key is damaged', () => {
    const lines = pem.split('\n');
    const failure = failureOf([...lines.slice(0, 9), ...lines.slice(12)].join('\n'));
    expect(failure).toMatchObject({ code: 'key', message: `${expected} a private key that is damaged` });
  });

  it.each([
    ['', 'an empty file'],
    ['hello\n', 'no PEM text'],
    [Buffer.from([0x30, 0x82, 0x06, 0xe3]), 'no PEM text (DER, perhaps)'],
    ['-----BEGIN RSA PRIVATE KEY-----\nAAAA\n', 'a PEM block that is cut short'],
    ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', 'a certificate'],
    ['-----BEGIN OPENSSH PRIVATE KEY-----\nAA\n-----END OPENSSH PRIVATE KEY-----\n', 'an OpenSSH key'],
    ['-----BEGIN SHOPPING LIST-----\nAAAA\n-----END SHOPPING LIST-----\n', 'a PEM block "SHOPPING LIST"'],
  ])('refuses %j', (content, got) => {
    expect(failureOf(content)).toMatchObject({
      code: 'key',
      message: `${expected} ${got}`,
      hint: 'make a key with gsc gen-private-key',
    });
  });

  it('refuses two keys in one file', () => {
    expect(failureOf(pem + pem).message).toBe(`${expected} 2 private keys in one file`);
  });
});

describe.skipIf(!hasNeededTool('openssl'))('a PEM signer, with keys from openssl,', () => {
  const convert = (args: readonly string[]) => openssl([...args, '-in', 'in', '-out', 'out'], { in: pem });

  it('signs with a PKCS#8 key', () => expectOwnSignature(convert(['pkcs8', '-topk8', '-nocrypt'])));

  it.each([
    ['encrypted PKCS#8', ['pkcs8', '-topk8', '-v2', 'aes-256-cbc', '-passout', 'pass:open sesame']],
    ['encrypted PKCS#1', ['rsa', '-traditional', '-aes128', '-passout', 'pass:open sesame']],
  ])('signs with an %s key, if the passphrase is right', async (_, args) => {
    const key = convert(args);
    await expectOwnSignature(key, 'open sesame');
    expect(failureOf(key)).toMatchObject({
      code: 'key',
      message: 'key.pem: the key is encrypted, and no passphrase was given',
    });
    for (const wrong of ['open barley', '']) {
      expect(failureOf(key, wrong)).toMatchObject({
        code: 'key',
        message: 'key.pem: the key cannot be decrypted: the passphrase is wrong, or the file is damaged',
      });
    }
  });

  it.each([
    ['RSA-3072 with exponent 65537', ['genrsa', '-out', 'out', '3072']],
    ['RSA-2048 with exponent 3', ['genrsa', '-3', '-out', 'out', '2048']],
    ['EC P-256', ['ecparam', '-name', 'prime256v1', '-genkey', '-out', 'out']],
    ['EC P-384', ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384', '-out', 'out']],
    ['a key of type ed25519', ['genpkey', '-algorithm', 'ED25519', '-out', 'out']],
    ['RSA-PSS-2048', ['genpkey', '-algorithm', 'RSA-PSS', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', 'out']],
  ])('refuses %s', (got, args) => {
    expect(failureOf(openssl(args))).toMatchObject({ code: 'key', message: `${expected} ${got}` });
  });

  it('refuses the public half of its key', () => {
    expect(failureOf(convert(['rsa', '-pubout'])).message).toBe(`${expected} a public key`);
    expect(failureOf(convert(['rsa', '-RSAPublicKey_out'])).message).toBe(`${expected} a public key`);
  });

  it('names a cipher that is not supported, not the passphrase', () => {
    const args = ['pkcs8', '-topk8', '-v1', 'PBE-SHA1-RC2-40', '-provider', 'legacy', '-provider', 'default'];
    const failure = failureOf(convert([...args, '-passout', 'pass:x']), 'x');
    expect(failure.message).toBe('key.pem: the key is encrypted with a cipher that is not supported');
  });
});
