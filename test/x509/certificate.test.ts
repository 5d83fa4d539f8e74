import { describe, expect, test } from 'vitest';
import {
  certificateDetails,
  commonNameOf,
  parseCertificate,
  readCertificates,
} from '../../src/x509/certificate.ts';
import { parseCrl } from '../../src/x509/crl.ts';
import { extension, makeCertificate, makeCrl } from '../support/attest/pki/authority.ts';
import { explicit, int, octets, oid, seq } from '../support/attest/pki/der.ts';

const root = makeCertificate({ name: 'Root', isCa: true });

describe('a certificate', () => {
  test('has names, dates, key and extensions', () => {
    const leaf = makeCertificate({
      name: 'Leaf',
      issuer: root,
      serial: 0xabcn,
      extensions: [extension('1.2.3', octets(Buffer.from('x')))],
    });
    const parsed = parseCertificate(leaf.der);
    expect(commonNameOf(parsed.subject)).toBe('Leaf');
    expect(commonNameOf(parsed.issuer)).toBe('Root');
    expect(parsed.serial).toBe(0xabcn);
    expect(parsed.isCa).toBe(false);
    const { extensions, issuerDer } = certificateDetails(parsed);
    expect(extensions.get('1.2.3')).toEqual(octets(Buffer.from('x')));
    expect(issuerDer).toEqual(certificateDetails(parseCertificate(root.der)).subjectDer);
    expect(parsed.isSignedBy(parseCertificate(root.der))).toBe(true);
    expect(parsed.isSignedBy(parsed)).toBe(false);
  });

  test.each([
    ['bytes after it', Buffer.concat([root.der, Buffer.from([0])])],
    ['a byte too few', root.der.subarray(0, -1)],
    ['nothing', Buffer.alloc(0)],
    ['a length of 4 GB', Buffer.from('3084ffffffff', 'hex')],
  ])('with %s is refused', (_what, der) => {
    expect(() => parseCertificate(der)).toThrow();
  });

  test('with an extension twice is refused', () => {
    const twice = [
      extension('1.2.3', Buffer.from('05', 'hex')),
      extension('1.2.3', Buffer.from('05', 'hex')),
    ];
    const leaf = makeCertificate({ name: 'Leaf', issuer: root, extensions: twice });
    // OpenSSL itself may refuse it first.
    expect(() => certificateDetails(parseCertificate(leaf.der))).toThrow();
  });

  test('is read as PEM or DER, also where PEM is inside of the DER', () => {
    const inner = makeCertificate({ name: 'Inner' });
    const outer = makeCertificate({
      name: 'Outer',
      extensions: [extension('1.2.3', Buffer.from(inner.pem))],
    });
    for (const bytes of [outer.der, Buffer.from(outer.pem)]) {
      expect(readCertificates(bytes).map(({ subject }) => subject)).toEqual(['CN=Outer']);
    }
  });
});

describe('a revocation list', () => {
  test('has the serials, whatever their sign bit', () => {
    const crl = parseCrl(makeCrl({ issuer: root, revoked: [1n, 0x80n, 0xffn, 1n << 150n] }));
    expect([...crl.revokedSerials]).toEqual([1n, 0x80n, 0xffn, 1n << 150n]);
  });

  test('without entries is empty', () => {
    expect(parseCrl(makeCrl({ issuer: root })).revokedSerials.size).toBe(0);
  });

  const good = makeCrl({ issuer: root });
  test.each<[string, Uint8Array]>([
    ['nothing', Buffer.alloc(0)],
    ['hex of two cases', Buffer.from(good.toString('hex').replace('a', 'A'))],
    ['hex with a digit too few', Buffer.from(good.toString('hex').slice(1))],
    ['bytes after it', Buffer.concat([good, Buffer.from([0])])],
    ['a certificate', root.der],
    ['PEM of a certificate', Buffer.from(root.pem)],
    [
      'a list whose two algorithms differ',
      seq(
        seq(int(1), seq(oid('1.2.840.10045.4.3.3'))),
        seq(oid('1.2.840.10045.4.3.2')),
        octets(Buffer.alloc(4)),
      ),
    ],
    ['a list with a wrong tag', explicit(0, seq())],
  ])('%s is refused', (_what, bytes) => {
    expect(() => parseCrl(bytes)).toThrow();
  });

  test('a cut at any byte is refused', () => {
    for (let length = 0; length < good.length; length += 1) {
      expect(() => parseCrl(good.subarray(0, length)), `cut at ${length}`).toThrow();
    }
  });
});
