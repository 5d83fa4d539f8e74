import { expect } from 'vitest';
import type { VerifyOptions } from '../../src/attest/options.ts';
import type { Verdict } from '../../src/attest/verdict.ts';
import { verifyQuote } from '../../src/attest/verify-quote.ts';
import { verifyRaTlsCertificate } from '../../src/attest/verify-ra-tls.ts';
import { GscError } from '../../src/base/error.ts';
import { parseCollateral } from '../../src/collateral/parse-collateral.ts';
import { parseCollateralFile } from '../../src/collateral/read-collateral.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { makeRaTls } from '../support/attest/pki/ra-tls.ts';
import {
  makeCollateral,
  makeQuote,
  makeTestPki,
  testEnclave,
  testTime,
} from '../support/attest/pki/test-pki.ts';
import { seededRandom } from '../support/attest/seeded-random.ts';
import { longTest } from '../support/long-test.ts';

const pki = makeTestPki();
const raw = makeCollateral(pki);
const collateral = parseCollateral(raw);
const options: VerifyOptions = {
  at: testTime,
  expected: { mrEnclave: testEnclave.mrEnclave },
  rootCa: parseCertificate(pki.root.der),
};

/** One to three damages of the kinds that happen: a bit, a byte, bytes lost, doubled, or moved. */
function mutate(bytes: Buffer, random: (below: number) => number): Buffer {
  let result = Buffer.from(bytes);
  for (let count = 1 + random(3); count > 0; count -= 1) {
    const at = random(result.length);
    const length = 1 + random(16);
    const [before, piece, after] = [
      result.subarray(0, at),
      result.subarray(at, at + length),
      result.subarray(at + length),
    ];
    const kind = random(6);
    if (kind === 0) result[at] = (result[at] as number) ^ (1 << random(8));
    else if (kind === 1) result[at] = random(256);
    else if (kind === 2) result = Buffer.concat([before, after]);
    else if (kind === 3) result = Buffer.concat([before, piece, piece, after]);
    else if (kind === 4) result = Buffer.concat([before, Buffer.alloc(piece.length, random(256)), after]);
    else result = Buffer.concat([after, before, piece]);
  }
  return result;
}

/** Zeros after a quote, which are its buffer's, and empty lines between PEM blocks (in JSON: \\n) mean nothing. */
function contentOf(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/\0+$/, '')
    .replace(/-(?:\\n|\n)+/g, '-\n');
}

/** Verifies `count` mutations; those that happen to change nothing are left out. */
function expectNoneAccepted(
  good: Buffer,
  count: number,
  verify: (bytes: Buffer) => Verdict | undefined,
): void {
  expect(verify(good)?.isAccepted).toBe(true);
  const random = seededRandom(count);
  for (let round = 0; round < count; round += 1) {
    const bytes = mutate(good, random);
    if (contentOf(bytes) === contentOf(good)) continue;
    const verdict = verify(bytes);
    expect(verdict?.isAccepted ?? false, `mutation ${round}: ${bytes.toString('base64')}`).toBe(false);
  }
}

longTest('of 4,000 mutated quotes none is accepted, and none ends the program', () => {
  expectNoneAccepted(makeQuote(pki), 4000, (bytes) => verifyQuote(bytes, collateral, options));
});

longTest('of 3,000 mutated certificates none is accepted, and none ends the program', () => {
  const { der, pem } = makeRaTls(pki);
  expectNoneAccepted(der, 2000, (bytes) => verifyRaTlsCertificate(bytes, collateral, options));
  expectNoneAccepted(Buffer.from(pem), 1000, (bytes) => verifyRaTlsCertificate(bytes, collateral, options));
});

longTest(
  'of 3,000 mutated collaterals none leads to acceptance, and each is a verdict or a named error',
  () => {
    const [list] = raw.pckCrls;
    const hex = (bytes: string | Uint8Array = '') => Buffer.from(bytes as Uint8Array).toString('hex');
    const json = JSON.stringify({
      tcb_info: raw.tcbInfo,
      tcb_info_signature: raw.tcbInfoSignature,
      tcb_info_issuer_chain: raw.tcbInfoIssuerChain,
      qe_identity: raw.qeIdentity,
      qe_identity_signature: raw.qeIdentitySignature,
      qe_identity_issuer_chain: raw.qeIdentityIssuerChain,
      root_ca_crl: hex(raw.rootCaCrl),
      pck_crl: hex(list?.crl),
      pck_crl_issuer_chain: list?.issuerChain,
    });
    const quote = makeQuote(pki);
    expectNoneAccepted(Buffer.from(json), 3000, (bytes) => {
      try {
        return verifyQuote(quote, parseCollateral(parseCollateralFile(bytes, 'mutation')), options);
      } catch (error) {
        expect(error).toBeInstanceOf(GscError);
        expect((error as GscError).code).toBe('collateral');
        return undefined;
      }
    });
  },
);
