import { verify } from 'node:crypto';
import { ASN1UniversalType, type DERElement } from 'asn1-ts';
import { type Certificate, certificateDetails, derOf, hasCriticalExtension } from './certificate.ts';
import { isContext, isUniversal, membersOf, oidOf, readDer, timeOf, wholeBitsOf } from './der.ts';
import { looksLikePem, parsePem } from './pem.ts';
import { memoized } from './signature.ts';

/** A certificate revocation list (RFC 5280, section 5). Times are in milliseconds since 1970. */
export interface Crl {
  readonly der: Buffer;
  readonly issuerDer: Buffer;
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  readonly revokedSerials: ReadonlySet<bigint>;
  /** Whether the list is of this authority, by its name and its signature; computed once for each. */
  isIssuedBy(authority: Certificate): boolean;
}

/** RFC 5758: ecdsa-with-SHA256, the only algorithm of Intel's lists. */
const ecdsaWithSha256 = '1.2.840.10045.4.3.2';

/**
 * Reads a list as services hand it out: DER, PEM, or either as hex text. Throws a plain Error if it is none of these, has another
 * signature algorithm, no nextUpdate, or a critical extension: such a list is not complete (RFC 5280, 5.2).
 */
export function parseCrl(bytes: Uint8Array): Crl {
  const der = crlDer(bytes);
  const [tbs, algorithm, signature, ...rest] = membersOf(readDer(der));
  if (tbs === undefined || rest.length > 0) throw new Error('not a revocation list');
  const members = [...membersOf(tbs)];
  if (isUniversal(members[0], ASN1UniversalType.integer)) members.shift();
  const [innerAlgorithm, issuer, thisUpdate, nextUpdate, ...optional] = members;
  if (!derOf(innerAlgorithm).equals(derOf(algorithm))) throw new Error('its two signature algorithms differ');
  const oid = oidOf(membersOf(algorithm)[0]);
  if (oid !== ecdsaWithSha256) throw new Error(`expected a signature with ECDSA and SHA-256, got ${oid}`);
  const issuerDer = derOf(issuer);
  const signed = { bytes: derOf(tbs), signature: wholeBitsOf(signature) };
  return {
    der,
    issuerDer,
    thisUpdate: timeOf(thisUpdate),
    nextUpdate: timeOf(nextUpdate),
    revokedSerials: readRevoked(optional),
    isIssuedBy: memoized(
      (authority: Certificate) =>
        certificateDetails(authority).subjectDer.equals(issuerDer) &&
        verify('sha256', signed.bytes, authority.publicKey, signed.signature),
    ),
  };
}

/** What follows nextUpdate: the entries, where there are any, and [0] extensions. */
function readRevoked(optional: readonly DERElement[]): ReadonlySet<bigint> {
  const serials = new Set<bigint>();
  for (const member of optional) {
    if (isContext(member, 0)) {
      if (hasCriticalExtension(member.inner as DERElement)) throw new Error('it has a critical extension');
      continue;
    }
    for (const entry of membersOf(member)) {
      const [serial, , extensions] = membersOf(entry);
      if (extensions !== undefined && hasCriticalExtension(extensions)) {
        throw new Error('one of its entries has a critical extension');
      }
      serials.add(serialOf(serial));
    }
  }
  return serials;
}

function serialOf(element: DERElement | undefined): bigint {
  if (element === undefined || !isUniversal(element, ASN1UniversalType.integer)) {
    throw new Error('expected a serial number');
  }
  return BigInt(element.integer);
}

function crlDer(bytes: Uint8Array): Buffer {
  const derSequence = 0x30;
  if (bytes[0] === derSequence && bytes[1] !== undefined && bytes[1] >= 0x80) return Buffer.from(bytes);
  const text = Buffer.from(bytes).toString('latin1').replace(/\0$/, '');
  if (looksLikePem(text)) {
    const [der, ...more] = parsePem(text, 'X509 CRL');
    if (der === undefined || more.length > 0) throw new Error('expected one revocation list');
    return der;
  }
  const hex = text.trim();
  if (!isUniformHex(hex)) throw new Error('expected DER, PEM or hex');
  return crlDer(Buffer.from(hex, 'hex'));
}

/** Hex in whole bytes, of one case: a text has one form only. */
function isUniformHex(text: string): boolean {
  return text.length > 0 && text.length % 2 === 0 && /^(?:[0-9a-f]+|[0-9A-F]+)$/.test(text);
}
