import { decode, Tagged } from 'cborg';
import { type Certificate, certificateDetails, readCertificates } from '../x509/certificate.ts';
import { quoteError } from './quote.ts';

/**
 * Where Gramine puts a quote into a certificate: TCG DICE tagged evidence since 1.8, and the raw quote under an identifier into which
 * Gramine wrote tag and length of the one that was meant (1.2.840.113741.1337.6).
 */
const taggedEvidence = '2.23.133.5.4.9';
const legacyQuote = '0.6.9.42.840.113741.1337.6';

/** CBOR tag of an array of quote and claims (Interoperable RA-TLS, confidential-computing/interoperable-ra-tls). */
const teeQuoteTag = 60000;

/** IANA's "Named Information Hash Algorithm Registry", as far as RA-TLS uses it; values as `node:crypto` names them. */
const hashAlgorithms: Readonly<Record<number, { readonly name: string; readonly sizeBytes: number }>> = {
  1: { name: 'sha256', sizeBytes: 32 },
  7: { name: 'sha384', sizeBytes: 48 },
  8: { name: 'sha512', sizeBytes: 64 },
};

/** What a certificate says about its enclave. */
export type Evidence =
  | {
      /** TCG DICE tagged evidence: the quote is over the claims, and the claims over the key. */
      readonly kind: 'standard';
      readonly quote: Buffer;
      /** The serialised claims. */
      readonly claims: Buffer;
      readonly keyHash: { readonly algorithm: string; readonly value: Buffer };
      readonly nonce: Buffer | undefined;
    }
  | {
      /** Gramine's own extension: the quote is over the key. */
      readonly kind: 'legacy';
      readonly quote: Buffer;
    };

/** An RA-TLS certificate. */
export interface RaTlsCertificate {
  readonly certificate: Certificate;
  /** Of two extensions the standard one. */
  readonly evidence: Evidence;
}

/**
 * Reads an RA-TLS certificate in PEM or DER. `subject` names it in errors. Throws a `quote` error if it is not a certificate, has
 * neither extension, or if its evidence is damaged: a damaged standard extension is not replaced by a legacy one.
 */
export function parseRaTlsCertificate(bytes: Uint8Array, subject: string): RaTlsCertificate {
  try {
    const [certificate] = readCertificates(bytes);
    if (certificate === undefined) throw new Error('there is no certificate in it');
    return { certificate, evidence: readEvidence(certificate) };
  } catch (error) {
    throw quoteError(
      subject,
      `not an RA-TLS certificate: ${error instanceof Error ? error.message : String(error)}`,
      'give the certificate that gramine-ratls or libra_tls_attest.so made, in DER or PEM',
    );
  }
}

function readEvidence(certificate: Certificate): Evidence {
  const { extensions } = certificateDetails(certificate);
  const standard = extensions.get(taggedEvidence);
  if (standard !== undefined) return readTaggedEvidence(standard);
  const legacy = extensions.get(legacyQuote);
  if (legacy !== undefined) return { kind: 'legacy', quote: legacy };
  throw new Error(
    `it has neither extension ${taggedEvidence} (tagged evidence) nor ${legacyQuote} (Gramine's own)`,
  );
}

function readTaggedEvidence(bytes: Buffer): Evidence {
  const tagged: unknown = decodeCbor(bytes, Tagged.preserve(teeQuoteTag));
  if (!(tagged instanceof Tagged)) throw new Error(`expected CBOR tag ${teeQuoteTag} in its tagged evidence`);
  const [quote, claims, ...rest] = arrayOf(tagged.value, 'the tagged evidence');
  if (rest.length > 0) throw new Error('expected quote and claims in its tagged evidence, got more');
  const claimBytes = bytesOf(claims, 'the claims');
  const map: unknown = decodeCbor(claimBytes);
  if (!(map instanceof Map)) throw new Error('expected a CBOR map of claims');
  const nonce: unknown = map.get('nonce');
  return {
    kind: 'standard',
    quote: bytesOf(quote, 'the quote'),
    claims: claimBytes,
    keyHash: readKeyHash(map.get('pubkey-hash')),
    nonce: nonce === undefined ? undefined : bytesOf(nonce, 'the claim nonce'),
  };
}

/** Without this claim a quote would vouch for any key, so that it is not optional here. */
function readKeyHash(claim: unknown): { readonly algorithm: string; readonly value: Buffer } {
  if (claim === undefined) throw new Error('its claims lack pubkey-hash: the quote is not bound to the key');
  const entry = arrayOf(decodeCbor(bytesOf(claim, 'the claim pubkey-hash')), 'the claim pubkey-hash');
  const [id, hash, ...rest] = entry;
  const algorithm = typeof id === 'number' ? hashAlgorithms[id] : undefined;
  if (algorithm === undefined || rest.length > 0) {
    throw new Error(`expected hash algorithm 1, 7 or 8 in the claim pubkey-hash, got ${String(id)}`);
  }
  const value = bytesOf(hash, 'the hash in the claim pubkey-hash');
  if (value.length !== algorithm.sizeBytes) {
    throw new Error(`expected ${algorithm.sizeBytes} bytes of ${algorithm.name}, got ${value.length}`);
  }
  return { algorithm: algorithm.name, value };
}

function decodeCbor(bytes: Buffer, tags = {}): unknown {
  return decode(bytes, { tags, useMaps: true, rejectDuplicateMapKeys: true, allowIndefinite: false });
}

function arrayOf(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`expected ${what} to be a CBOR array`);
  return value;
}

function bytesOf(value: unknown, what: string): Buffer {
  if (!(value instanceof Uint8Array)) throw new Error(`expected ${what} to be a byte string`);
  return Buffer.from(value);
}
