import { createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { pemSigner } from '../../src/key/pem-signer.ts';
import { describeSigstruct } from '../../src/signature/describe-sigstruct.ts';
import {
  completeSigstruct,
  messageToSign,
  signSigstruct,
  type UnsignedSigstruct,
} from '../../src/signature/sign-sigstruct.ts';
import type { Signer } from '../../src/signature/signer.ts';
import { decodeSigstruct, encodeSigstruct, signedBytesOf } from '../../src/signature/sigstruct.ts';
import { mrSignerOf, verifySigstruct } from '../../src/signature/verify-sigstruct.ts';
import { openssl } from '../support/signature/keys.ts';
import { testKey } from '../support/signature/test-key.ts';
import { hasNeededTool } from '../support/tool.ts';

const unsigned: UnsignedSigstruct = {
  date: 0x20240229,
  miscSelect: 1,
  miscMask: 0xffffffff,
  flags: 6n,
  xfrm: 0x3n,
  flagsMask: 0xffffffffffffffffn,
  xfrmMask: 0xfffffffffff9ff1bn,
  mrEnclave: Buffer.alloc(32, 0xab),
  isvProdId: 0x1234,
  isvSvn: 0x5678,
};

let pem = '';
let signer: Signer;
let signed: Buffer;
beforeAll(async () => {
  pem = await readFile(await testKey(), 'utf8');
  signer = pemSigner(Buffer.from(pem), { subject: 'key.pem' });
  signed = await signSigstruct(unsigned, signer);
});

describe('a SIGSTRUCT', () => {
  it('has its fields where the processor looks for them', () => {
    const text = (start: number, end: number) => signed.subarray(start, end).toString('hex');
    expect(signed).toHaveLength(1808);
    expect(text(0, 16)).toBe('06000000e10000000000010000000000');
    expect(text(16, 24)).toBe('0000000029022420');
    expect(text(24, 40)).toBe('01010000600000006000000001000000');
    expect(text(40, 128)).toBe('00'.repeat(88));
    expect(text(128, 512)).toBe(Buffer.from(signer.modulus).reverse().toString('hex'));
    expect(text(512, 516)).toBe('03000000');
    expect(text(900, 928)).toBe(`01000000ffffffff${'00'.repeat(20)}`);
    expect(text(928, 960)).toBe('06000000000000000300000000000000ffffffffffffffff1bfff9ffffffffff');
    expect(text(960, 1040)).toBe(`${'ab'.repeat(32)}${'00'.repeat(32)}34127856${'00'.repeat(12)}`);
  });

  it('is the same for the same input', async () => {
    expect((await signSigstruct(unsigned, signer)).equals(signed)).toBe(true);
  });

  it('decodes to what was encoded', () => {
    const bytes = (length: number) =>
      fc.uint8Array({ minLength: length, maxLength: length }).map(Buffer.from);
    const uint = (bits: number) => fc.integer({ min: 0, max: 2 ** bits - 1 });
    const uint64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
    const choices = fc.record({
      vendor: uint(32),
      date: uint(32),
      swDefined: uint(32),
      modulus: bytes(384),
      signature: bytes(384),
      miscSelect: uint(32),
      miscMask: uint(32),
      cetAttributes: uint(8),
      cetAttributesMask: uint(8),
      isvFamilyId: bytes(16),
      flags: uint64,
      xfrm: uint64,
      flagsMask: uint64,
      xfrmMask: uint64,
      mrEnclave: bytes(32),
      isvExtProdId: bytes(16),
      isvProdId: uint(16),
      isvSvn: uint(16),
      q1: bytes(384),
      q2: bytes(384),
    });
    fc.assert(
      fc.property(choices, (choice) => {
        expect(decodeSigstruct(encodeSigstruct(choice), 'test')).toMatchObject(choice);
      }),
    );
  });

  it('is described in plain values', () => {
    expect(describeSigstruct(signed, 'test')).toEqual({
      mrSigner: mrSignerOf(signed.subarray(128, 512)),
      mrEnclave: 'ab'.repeat(32),
      isvProdId: 0x1234,
      isvSvn: 0x5678,
      isDebug: true,
      date: '2024-02-29',
      flags: 6n,
      xfrm: 3n,
      flagsMask: 0xffffffffffffffffn,
      xfrmMask: 0xfffffffffff9ff1bn,
      miscSelect: 1,
      miscMask: 0xffffffff,
      vendor: 0,
      swDefined: 0,
      cetAttributes: 0,
      cetAttributesMask: 0,
      isvFamilyId: '00'.repeat(16),
      isvExtProdId: '00'.repeat(16),
    });
  });
});

describe('verifying a SIGSTRUCT', () => {
  it('gives its fields if all holds', () => {
    expect(verifySigstruct(signed, 'entrypoint.sig').isvSvn).toBe(0x5678);
  });

  it('fails whichever byte is changed', () => {
    const change = fc.tuple(fc.nat(1807), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(change, ([at, difference]) => {
        const damaged = Buffer.from(signed);
        damaged[at] = (damaged[at] ?? 0) ^ difference;
        expect(() => verifySigstruct(damaged, 'entrypoint.sig')).toThrow(
          expect.objectContaining({ code: 'sigstruct', subject: 'entrypoint.sig' }),
        );
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    [0, 'its header is wrong: expected 0600'],
    [24, 'its header2 is wrong: expected 0101'],
    [512, 'expected the exponent 3, got 2'],
    [50, 'the reserved byte 50 is not zero: it is 1'],
    [910, 'the reserved byte 910 is not zero: it is 1'],
    [1000, 'the reserved byte 1000 is not zero: it is 1'],
    [1030, 'the reserved byte 1030 is not zero: it is 1'],
    [960, 'its signature is not valid'],
    [516, 'its signature is not valid'],
    [128, 'its signature is not valid'],
    [1040, 'its Q1 is wrong'],
    [1424, 'its Q2 is wrong'],
  ])('says what is wrong with byte %i', (at, message) => {
    const damaged = Buffer.from(signed);
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    expect(() => verifySigstruct(damaged, 'x.sig')).toThrow(`x.sig: ${message}`);
  });

  it('refuses another length, and a modulus of zero', () => {
    expect(() => verifySigstruct(signed.subarray(1), 'x.sig')).toThrow(
      'x.sig: expected 1808 bytes, got 1807',
    );
    expect(() => verifySigstruct(Buffer.alloc(0), 'x.sig')).toThrow('x.sig: expected 1808 bytes, got 0');
    expect(() => verifySigstruct(encodeSigstruct(unsigned), 'x.sig')).toThrow('its signature is not valid');
  });

  it.skipIf(!hasNeededTool('openssl'))('agrees with openssl', () => {
    const files = {
      'key.pem': createPublicKey(pem).export({ type: 'spki', format: 'pem' }),
      signature: Buffer.from(signed.subarray(516, 900)).reverse(),
      message: signedBytesOf(signed),
    };
    const args = [
      'dgst',
      '-sha256',
      '-verify',
      'key.pem',
      '-signature',
      'signature',
      '-out',
      'out',
      'message',
    ];
    expect(openssl(args, files).toString()).toBe('Verified OK\n');
  });
});

describe('signing', () => {
  it('can be done elsewhere, with the message and the bare signature going to and fro', async () => {
    const signature = await signer.sign(messageToSign(unsigned));
    const completed = completeSigstruct(unsigned, { modulus: signer.modulus, signature, subject: 'a token' });
    expect(completed.equals(signed)).toBe(true);
  });

  it.each([
    ['a short signature', () => Buffer.alloc(383), 'expected a signature of 384 bytes, got 383'],
    ['no signature', () => Buffer.alloc(384), 'the signature does not belong'],
    [
      'the bytes in the wrong order',
      (good: Buffer) => Buffer.from(good).reverse(),
      'the signature does not belong',
    ],
  ])('fails if the signer gives %s', async (_, spoil, message) => {
    const bad: Signer = { ...signer, kind: 'external', sign: async (text) => spoil(await signer.sign(text)) };
    await expect(signSigstruct(unsigned, bad)).rejects.toThrow(
      expect.objectContaining({ code: 'key', message: expect.stringContaining(message) }),
    );
  });

  it('fails if the signature is of another enclave', async () => {
    const signature = await signer.sign(messageToSign({ ...unsigned, isvSvn: 1 }));
    const given = { modulus: signer.modulus, signature, subject: 'a token' };
    expect(() => completeSigstruct(unsigned, given)).toThrow('a token: the signature does not belong');
  });

  it.each([
    [Buffer.alloc(256, 0xff), 2048],
    [Buffer.concat([Buffer.from([0x7f]), Buffer.alloc(383)]), 3071],
    [Buffer.alloc(0), 0],
  ])('fails for a modulus of another length', (modulus, bits) => {
    const given = { modulus, signature: Buffer.alloc(384), subject: 'a token' };
    expect(() => completeSigstruct(unsigned, given)).toThrow(
      `a token: expected a modulus of 3072 bits, got one of ${bits}`,
    );
  });
});
