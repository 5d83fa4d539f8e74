import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { encode, Tagged } from 'cborg';
import { extension, type Holder, makeCertificate } from './authority.ts';
import { makeQuote, type QuoteChoice, type TestPki } from './test-pki.ts';

export interface RaTlsChoice {
  /** Which extensions; default both, as Gramine writes them. */
  readonly extensions?: readonly ('standard' | 'legacy')[];
  /** The TLS key; default a new one on P-384. */
  readonly keys?: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
  /** The key that the evidence is about, if it is another one. */
  readonly evidenceKey?: KeyObject;
  /** Claims beside or instead of the key's hash; undefined takes one away. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly hash?: { readonly id: number; readonly algorithm: string };
  readonly quote?: QuoteChoice;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** Signs in place of the certificate's own key. */
  readonly signer?: KeyObject;
}

/** An RA-TLS certificate as Gramine makes it, with quotes of a platform of the test PKI. */
export function makeRaTls(pki: TestPki, choice: RaTlsChoice = {}): Holder {
  const keys = choice.keys ?? generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const spki = (choice.evidenceKey ?? keys.publicKey).export({ type: 'spki', format: 'der' });
  const kinds = choice.extensions ?? ['standard', 'legacy'];
  return makeCertificate({
    name: 'RATLS',
    keys,
    notBefore: choice.notBefore ?? new Date('2001-01-01T00:00:00Z'),
    notAfter: choice.notAfter ?? new Date('2030-12-31T23:59:59Z'),
    ...(choice.signer && { signer: choice.signer }),
    extensions: kinds.map((kind) =>
      kind === 'standard'
        ? extension('2.23.133.5.4.9', taggedEvidence(pki, spki, choice))
        : extension('0.6.9.42.840.113741.1337.6', quoteOver(pki, spki, choice)),
    ),
  });
}

function taggedEvidence(pki: TestPki, spki: Buffer, choice: RaTlsChoice): Uint8Array {
  const { id, algorithm } = choice.hash ?? { id: 1, algorithm: 'sha256' };
  const hash = createHash(algorithm).update(spki).digest();
  const claims = { 'pubkey-hash': encode([id, hash]), ...choice.claims };
  const given = Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
  const bytes = encode(given);
  return encode(new Tagged(60000, [quoteOver(pki, bytes, choice), bytes]));
}

/** A quote whose report data are the hash of `what`. */
function quoteOver(pki: TestPki, what: Uint8Array, { quote }: RaTlsChoice): Buffer {
  const reportData = createHash('sha256').update(what).digest();
  return makeQuote(pki, { ...quote, report: { reportData, ...quote?.report } });
}
