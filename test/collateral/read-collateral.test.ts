import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { verifyQuote } from '../../src/attest/verify-quote.ts';
import type { RawCollateral } from '../../src/collateral/collateral.ts';
import { collateralFiles } from '../../src/collateral/collateral-files.ts';
import { parseCollateral } from '../../src/collateral/parse-collateral.ts';
import { parseCollateralFile, readCollateral } from '../../src/collateral/read-collateral.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { makeCollateral, makeQuote, makeTestPki, testTime } from '../support/attest/pki/test-pki.ts';
import { failuresOf } from '../support/attest/real-quotes.ts';

const pki = makeTestPki();
const raw = makeCollateral(pki);
const quote = makeQuote(pki);
const [list] = raw.pckCrls;
const root = mkdtempSync(join(tmpdir(), 'gsc-collateral-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
let directory = '';
beforeEach(() => {
  count += 1;
  directory = join(root, `${count}`);
  mkdirSync(directory);
});

const write = (name: string, bytes: string | Uint8Array) => writeFileSync(join(directory, name), bytes);
const failures = (collateral: RawCollateral) =>
  failuresOf(
    verifyQuote(quote, parseCollateral(collateral), {
      at: testTime,
      isAnyIdentityAccepted: true,
      rootCa: parseCertificate(pki.root.der),
    }),
  );

/** Endorsements as Open Enclave writes them: header, offsets, items that end in NUL. */
function openEnclave({
  items = defaultItems(),
  prefix = Buffer.alloc(0),
  change = (bytes: Buffer) => bytes,
} = {}): Buffer {
  const offsets = Buffer.alloc(4 * items.length);
  let offset = 0;
  for (const [index, item] of items.entries()) {
    offsets.writeUInt32LE(offset, 4 * index);
    offset += item.length;
  }
  const header = Buffer.alloc(16);
  for (const [index, value] of [1, 2, offsets.length + offset, items.length].entries()) {
    header.writeUInt32LE(value, 4 * index);
  }
  return change(Buffer.concat([prefix, header, offsets, ...items]));
}

function defaultItems(): readonly Buffer[] {
  const text = (value = '') => Buffer.from(`${value}\0`);
  return [
    Buffer.from([1, 0, 0, 0]),
    text(`{"tcbInfo":${raw.tcbInfo},"signature":"${raw.tcbInfoSignature}"}`),
    text(raw.tcbInfoIssuerChain),
    Buffer.concat([list?.crl as Uint8Array, Buffer.alloc(1)]),
    text(Buffer.from(raw.rootCaCrl as Uint8Array).toString('hex')),
    text(list?.issuerChain),
    text(`{"enclaveIdentity":${raw.qeIdentity},"signature":"${raw.qeIdentitySignature}"}`),
    text(raw.qeIdentityIssuerChain),
    text('2024-01-01T00:00:00Z'),
  ];
}

describe('Open Enclave endorsements', () => {
  test('are read, with and without the header of a plugin, and with items that came later', () => {
    expect(failures(parseCollateralFile(openEnclave(), 'endorsements'))).toEqual([]);
    expect(
      failures(parseCollateralFile(openEnclave({ prefix: Buffer.alloc(28, 3) }), 'endorsements')),
    ).toEqual([]);
    const items = [...defaultItems(), Buffer.from('more')];
    expect(failures(parseCollateralFile(openEnclave({ items }), 'endorsements'))).toEqual([]);
  });

  test('lists in DER are read with and without a NUL after them', () => {
    const bare = defaultItems().with(3, Buffer.from(list?.crl as Uint8Array));
    expect(failures(parseCollateralFile(openEnclave({ items: bare }), 'endorsements'))).toEqual([]);
  });

  test.each<[string, (bytes: Buffer) => Buffer]>([
    ['cut short', (bytes) => bytes.subarray(0, -1)],
    ['with bytes after them', (bytes) => Buffer.concat([bytes, Buffer.from([0])])],
    [
      'with an offset beyond the end',
      (bytes) => Buffer.concat([bytes.subarray(0, 20), Buffer.from('ffffff7f', 'hex'), bytes.subarray(24)]),
    ],
    [
      'with offsets that go back',
      (bytes) => Buffer.concat([bytes.subarray(0, 16), Buffer.from('ffff0000', 'hex'), bytes.subarray(20)]),
    ],
  ])('%s are refused', (_what, change) => {
    expect(() => parseCollateralFile(openEnclave({ change }), 'endorsements')).toThrow(
      expect.objectContaining({ code: 'collateral', subject: 'endorsements' }),
    );
  });
});

describe('a directory', () => {
  test('with saved files gives what was saved', async () => {
    for (const { path, bytes } of collateralFiles(raw)) write(path, bytes);
    expect(failures(await readCollateral(directory))).toEqual([]);
  });

  test('names, order and other files in it do not matter', async () => {
    write('1.txt', `{"enclaveIdentity":${raw.qeIdentity},"signature":"${raw.qeIdentitySignature}"}`);
    write('2.txt', `{"signature":"${raw.tcbInfoSignature}","tcbInfo":${raw.tcbInfo}}`);
    write('3.crl', Buffer.from(list?.crl as Uint8Array).toString('hex'));
    write('4.crl', raw.rootCaCrl as Uint8Array);
    write('5.pem', pki.tcbSigning.pem);
    write('6.der', pki.root.der);
    write('7.pem', encodeURIComponent(pki.processorCa.pem));
    write('README', 'what this is');
    write('quote.bin', quote);
    write('verdict.json', '{"accepted":true}');
    write('qve.json', '{"enclaveIdentity":{"id":"QVE"},"signature":"00"}');
    write('tdx.json', '{"tcbInfo":{"id":"TDX"},"signature":"00"}');
    mkdirSync(join(directory, 'sub'));
    expect(failures(await readCollateral(directory))).toEqual([]);
  });

  test('with two different values of one part is an error that names both files', async () => {
    for (const { path, bytes } of collateralFiles(raw)) write(path, bytes);
    write(
      'other.json',
      `{"tcbInfo":${raw.tcbInfo?.replace('17', '18')},"signature":"${raw.tcbInfoSignature}"}`,
    );
    await expect(readCollateral(directory)).rejects.toThrow(
      /other\.json and .*tcb_info\.json hold different values of tcbInfo/,
    );
  });

  test('without collateral is an error', async () => {
    write('README', 'nothing');
    await expect(readCollateral(directory)).rejects.toMatchObject({ code: 'collateral' });
    await expect(readCollateral(join(directory, 'none'))).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('a file', () => {
  test.each<[string, string]>([
    ['nothing', ''],
    ['text', 'hello'],
    ['other JSON', '{"a":1}'],
    ['an array', '[]'],
    ['a quote', quote.toString('latin1')],
  ])('of %s is not collateral', (_what, text) => {
    expect(() => parseCollateralFile(Buffer.from(text, 'latin1'), 'file')).toThrow(
      expect.objectContaining({
        code: 'collateral',
        message: expect.stringMatching(/^file: not collateral/),
      }),
    );
  });

  test.each<[string, string, RegExp]>([
    ['cut short', '{"tcb_info":"', /damaged collateral/],
    ['with a name that is not known', '{"tcb_info":"","pck_crls":""}', /pck_crls/],
    ['with a part that is not text', '{"tcb_info":{}}', /tcb_info/],
    [
      'with a member twice',
      '{"tcbInfo":{"id":"SGX"},"tcbInfo":{"id":"SGX"},"signature":""}',
      /appears twice/,
    ],
  ])('of JSON %s is damaged', (_what, text, reason) => {
    expect(() => parseCollateralFile(Buffer.from(text), 'file')).toThrow(reason);
  });
});
