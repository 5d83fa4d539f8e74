import { createHash } from 'node:crypto';
import type { Collateral } from '../collateral/collateral.ts';
import { parseQuote } from '../quote/quote.ts';
import { parseRaTlsCertificate, type RaTlsCertificate } from '../quote/ra-tls.ts';
import { type Checklist, need } from './checklist.ts';
import { iso } from './collateral-dates.ts';
import type { VerifyOptions } from './options.ts';
import { publicKeyDer } from './trusted-root.ts';
import type { Verdict } from './verdict.ts';
import { startVerification, verifyEvidence } from './verify-quote.ts';

/**
 * Verifies an RA-TLS certificate in PEM or DER: that its quote vouches for its key, and the quote as `verifyQuote` does. Pure: no network, no
 * clock; the answer is a verdict, whatever the bytes are. That the other side holds the key is for the TLS handshake to show.
 */
export function verifyRaTlsCertificate(
  certificate: Uint8Array,
  collateral: Collateral | undefined,
  options: VerifyOptions,
): Verdict {
  const list = startVerification(options);
  const parsed = list.run('certificate-format', () => {
    const found = parseRaTlsCertificate(certificate, 'the certificate');
    const extension =
      found.evidence.kind === 'standard' ? 'TCG DICE tagged evidence' : "Gramine's extension of before 1.8";
    return [`RA-TLS, ${extension}`, found];
  });
  checkCertificate(list, parsed, options);
  const source = {
    quote: parsed?.evidence.quote,
    evidence: parsed?.evidence,
    channelKey: parsed && sha256(publicKeyDer(parsed.certificate.publicKey)),
  };
  return verifyEvidence(list, source, { collateral, options });
}

function checkCertificate(
  list: Checklist,
  parsed: RaTlsCertificate | undefined,
  { at }: VerifyOptions,
): void {
  list.run('certificate-signature', () => {
    const { x509, publicKey } = need(parsed, 'an RA-TLS certificate').certificate;
    if (x509.verify(publicKey)) return ['by its own key'];
    throw new Error('the certificate is not signed by its own key, as RA-TLS certificates are');
  });
  list.run('certificate-validity', () => {
    const { notBefore, notAfter } = need(parsed, 'an RA-TLS certificate').certificate;
    const range = `from ${iso(notBefore)} to ${iso(notAfter)}`;
    if (at.getTime() >= notBefore && at.getTime() <= notAfter) return [range];
    throw new Error(`the certificate is valid ${range}, not at ${iso(at.getTime())}`);
  });
  list.run('key-binding', () => [verifyBinding(need(parsed, 'an RA-TLS certificate'))]);
}

/** The report data are a hash of what speaks for the key, then zeros: of the claims that name it, or of the key itself. */
function verifyBinding({ certificate, evidence }: RaTlsCertificate): string {
  const key = publicKeyDer(certificate.publicKey);
  const { reportData } = parseQuote(evidence.quote, 'the quote').report;
  const expected = Buffer.alloc(64);
  sha256(evidence.kind === 'standard' ? evidence.claims : key).copy(expected);
  if (!reportData.equals(expected)) {
    const what = evidence.kind === 'standard' ? 'the claims' : "the certificate's key";
    throw new Error(
      `the quote is not over ${what}: expected the report data ${expected.toString('hex')}, got ${reportData.toString('hex')}`,
    );
  }
  if (evidence.kind === 'standard') {
    const { algorithm, value } = evidence.keyHash;
    const hash = createHash(algorithm).update(key).digest();
    if (!hash.equals(value)) {
      throw new Error(
        `the claims are about another key: expected ${algorithm} ${hash.toString('hex')}, got ${value.toString('hex')}`,
      );
    }
  }
  return "the quote vouches for the certificate's key";
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
