import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { verifyQuote } from '../src/attest/verify-quote.ts';
import type { RawCollateral } from '../src/collateral/collateral.ts';
import { parseCollateral } from '../src/collateral/parse-collateral.ts';
import { parseCollateralFile } from '../src/collateral/read-collateral.ts';
import { parseCertificate } from '../src/x509/certificate.ts';
import { makeCollateral, makeQuote, makeTestPki, testTime } from '../test/support/attest/pki/test-pki.ts';

/**
 * How long verifying a quote takes. CPU time, so that a busy machine counts less. The reference is the bare mathematics: as many ECDSA
 * verifications as a quote and its collateral have signatures, in the same run; those of parsed collateral are verified once.
 */
const rounds = 500;
const signatures = 15;
const sample = '../shared/vectors/quotes/phala-sgx';

const pki = makeTestPki();
const rootCa = parseCertificate(pki.root.der);
const cases: [name: string, quote: Buffer, raw: RawCollateral, at: Date, own: boolean][] = [
  ['made', makeQuote(pki), makeCollateral(pki), testTime, true],
];
if (existsSync(sample)) {
  const raw = parseCollateralFile(readFileSync(`${sample}/collateral.json`), 'sample');
  cases.push(['real', readFileSync(`${sample}/quote.bin`), raw, new Date(1_752_919_277_000), false]);
}

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const signature = sign('sha256', Buffer.alloc(400), privateKey);
const key = createPublicKey(publicKey.export({ type: 'spki', format: 'pem' }));
const reference = cpuMsOf(() => {
  for (let count = 0; count < signatures; count += 1) verify('sha256', Buffer.alloc(400), key, signature);
});

console.log('quote   collateral   cold ms   warm ms   quotes/s   reference ms   ratio   peak MB');
for (const [name, quote, raw, at, own] of cases) {
  const options = { at, isAnyIdentityAccepted: true, ...(own && { rootCa }) };
  const collateral = parseCollateral(raw);
  const cold = wallMsOf(() => verifyQuote(quote, parseCollateral(raw), options));
  const forms = [
    ['parsed', () => verifyQuote(quote, collateral, options)],
    ['raw', () => verifyQuote(quote, parseCollateral(raw), options)],
  ] as const;
  for (const [form, work] of forms) {
    const warm = cpuMsOf(work);
    const columns = [
      name.padEnd(7),
      form.padEnd(10),
      cold.toFixed(1).padStart(9),
      warm.toFixed(2).padStart(9),
      (1000 / warm).toFixed(0).padStart(10),
      reference.toFixed(2).padStart(14),
      (warm / reference).toFixed(2).padStart(7),
      (process.resourceUsage().maxRSS / 1024).toFixed(0).padStart(9),
    ];
    console.log(columns.join(' '));
  }
}

function wallMsOf(work: () => void): number {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start) / 1e6;
}

function cpuMsOf(work: () => void): number {
  for (let count = 0; count < rounds / 5; count += 1) work();
  const start = process.cpuUsage();
  for (let count = 0; count < rounds; count += 1) work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000 / rounds;
}
