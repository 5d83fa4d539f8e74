import { type KeyObject, X509Certificate } from 'node:crypto';
import { ASN1UniversalType, type DERElement } from 'asn1-ts';
import { isContext, isUniversal, membersOf, octetsOf, oidOf, readDer } from './der.ts';
import { encodePem, looksLikePem, parsePem } from './pem.ts';
import { memoized } from './signature.ts';

/** An X.509 certificate. Times are in milliseconds since 1970. */
export interface Certificate {
  readonly der: Buffer;
  readonly x509: X509Certificate;
  /** One attribute a line, as `node:crypto` writes it: `CN=…`. */
  readonly subject: string;
  readonly issuer: string;
  readonly serial: bigint;
  readonly notBefore: number;
  readonly notAfter: number;
  /** True only if the basic constraints say so, and the key usage allows it. */
  readonly isCa: boolean;
  readonly publicKey: KeyObject;
  /** Whether this issuer's key signed it; computed once for each issuer. */
  isSignedBy(issuer: Certificate): boolean;
}

/** Reads a certificate in DER. Throws a plain Error if it is not exactly one. */
export function parseCertificate(der: Uint8Array): Certificate {
  // Of DER with PEM inside, as RA-TLS certificates are, node:crypto reads the inner certificate: so it gets PEM.
  const x509 = new X509Certificate(encodePem(der, 'CERTIFICATE'));
  if (x509.raw.length !== der.length) throw new Error(`expected ${x509.raw.length} bytes, got ${der.length}`);
  return {
    der: Buffer.from(der),
    x509,
    subject: x509.subject,
    issuer: x509.issuer,
    serial: BigInt(`0x${x509.serialNumber}`),
    notBefore: Date.parse(x509.validFrom),
    notAfter: Date.parse(x509.validTo),
    isCa: x509.ca,
    publicKey: x509.publicKey,
    isSignedBy: memoized(
      (issuer: Certificate) => x509.checkIssued(issuer.x509) && x509.verify(issuer.publicKey),
    ),
  };
}

/**
 * Reads the certificates of a PEM text, in its order. Those that are `known`, byte for byte, are taken from there. Throws a plain
 * Error.
 */
export function parseCertificates(text: string, known: readonly Certificate[] = []): readonly Certificate[] {
  return parsePem(text, 'CERTIFICATE').map(
    (der) => known.find((certificate) => certificate.der.equals(der)) ?? parseCertificate(der),
  );
}

/**
 * Reads one or more certificates, in PEM or DER; the label TRUSTED CERTIFICATE, which `gramine-ratls` writes, stands for the usual
 * one. Throws a plain Error.
 */
export function readCertificates(bytes: Uint8Array): readonly Certificate[] {
  const text = Buffer.from(bytes)
    .toString('latin1')
    .replaceAll(/^-----(BEGIN|END) TRUSTED CERTIFICATE-----(?=\r?$)/gm, '-----$1 CERTIFICATE-----');
  return looksLikePem(text) ? parseCertificates(text) : [parseCertificate(bytes)];
}

/** The common name of a subject or issuer; empty if it has none. */
export function commonNameOf(name: string): string {
  return /^CN=(.*)$/m.exec(name)?.[1] ?? '';
}

/** What `node:crypto` does not show of a certificate, in DER. */
export interface CertificateDetails {
  readonly subjectDer: Buffer;
  readonly issuerDer: Buffer;
  /** The values by object identifier. */
  readonly extensions: ReadonlyMap<string, Buffer>;
}

/** Reads the names and extensions of a certificate. Throws a plain Error, also for an extension that appears twice. */
export function certificateDetails({ der }: Certificate): CertificateDetails {
  const [tbs] = membersOf(readDer(der));
  const members = membersOf(tbs);
  // version, serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo, …, [3] extensions (RFC 5280, 4.1)
  const first = isContext(members[0], 0) ? 1 : 0;
  const extensions = members.find((member) => isContext(member, 3));
  return {
    issuerDer: derOf(members[first + 2]),
    subjectDer: derOf(members[first + 4]),
    extensions: new Map(extensions === undefined ? [] : readExtensions(extensions.inner as DERElement)),
  };
}

/** `Extensions` of RFC 5280 as pairs. Throws a plain Error for one that appears twice. */
export function readExtensions(extensions: DERElement): readonly (readonly [oid: string, value: Buffer])[] {
  const pairs = membersOf(extensions).map((extension) => {
    const members = membersOf(extension);
    return [oidOf(members[0]), octetsOf(members.at(-1))] as const;
  });
  const seen = new Set(pairs.map(([oid]) => oid));
  if (seen.size !== pairs.length) throw new Error('an extension appears twice');
  return pairs;
}

/** Whether one of `Extensions` is marked critical. */
export function hasCriticalExtension(extensions: DERElement): boolean {
  return membersOf(extensions).some((extension) =>
    membersOf(extension).some((member) => isUniversal(member, ASN1UniversalType.boolean) && member.boolean),
  );
}

/** The bytes of a DER value with tag and length. */
export function derOf(element: DERElement | undefined): Buffer {
  if (element === undefined) throw new Error('the structure is too short');
  return Buffer.from(element.toBytes());
}
