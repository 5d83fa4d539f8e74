import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readCertificateFile } from '../../src/x509/certificate-file.ts';
import { makeCertificate } from '../support/attest/pki/authority.ts';

const directory = mkdtempSync(join(tmpdir(), 'gsc-certificates-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const one = makeCertificate({ name: 'one', isCa: true });
const two = makeCertificate({ name: 'two', isCa: true });
const key = one.key.export({ type: 'pkcs8', format: 'pem' }) as string;

async function namesIn(content: string | Buffer): Promise<readonly string[]> {
  const path = join(directory, 'file');
  writeFileSync(path, content);
  const certificates = await readCertificateFile({
    path,
    subject: 'file',
    what: 'authority',
    code: 'config',
  });
  return certificates.map(({ subject }) => subject);
}

test.each<[string, string | Buffer, readonly string[]]>([
  ['DER', one.der, ['CN=one']],
  ['PEM', one.pem + two.pem, ['CN=one', 'CN=two']],
  ['PEM with names and text', `# One\n=====\n${one.pem}\nsubject=two\n${two.pem}`, ['CN=one', 'CN=two']],
  ['PEM with Windows line ends', `One\r\n${one.pem.replaceAll('\n', '\r\n')}`, ['CN=one']],
  ['the label of gramine-ratls', one.pem.replaceAll(' CERT', ' TRUSTED CERT'), ['CN=one']],
])('certificates of a file: %s', async (_, content, names) => {
  expect(await namesIn(content)).toEqual(names);
});

test.each<[string, string | Buffer]>([
  ['nothing', ''],
  ['a key', key],
  ['a key beside the certificate', one.pem + key],
  ['a damaged block', one.pem.replace(/\n.{10}/, '\n**********')],
  ['a block without an end', one.pem.replace(/-----END.*/, '')],
  ['PEM inside a binary file', Buffer.concat([Buffer.from([0x30, 0x00, 0x0a]), Buffer.from(one.pem)])],
  ['DER and more', Buffer.concat([one.der, Buffer.from('x')])],
])('%s is an error', async (_, content) => {
  await expect(namesIn(content)).rejects.toMatchObject({ code: 'config', subject: 'file' });
});

test('a file that is not there is what reading files says', async () => {
  const missing = {
    path: join(directory, 'none'),
    subject: 'none',
    what: 'authority',
    code: 'usage',
  } as const;
  await expect(readCertificateFile(missing)).rejects.toMatchObject({ code: 'not-found' });
});
