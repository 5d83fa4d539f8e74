import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { RawCollateral } from '../../src/collateral/collateral.ts';
import { makeCrl } from '../support/attest/pki/authority.ts';
import { makeRaTls } from '../support/attest/pki/ra-tls.ts';
import {
  makeCollateral,
  makePck,
  makeQuote,
  makeTestPki,
  testEnclave,
  testTime,
} from '../support/attest/pki/test-pki.ts';
import { areRealQuotesThere, quoteRoot, type RealQuote, realQuotes } from '../support/attest/real-quotes.ts';
import { gscInScratch } from '../support/cli/gsc.ts';
import { gscHere } from '../support/cli/in-process.ts';
import { writeApp } from '../support/cli/made-files.ts';
import { standinRuntime } from '../support/images/standin-runtime.ts';
import { hasNeededTool } from '../support/tool.ts';

const pki = makeTestPki();
const raw = makeCollateral(pki);
const directory = mkdtempSync(join(tmpdir(), 'gsc-attest-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const file = (name: string) => join(directory, name);
const { mrEnclave, mrSigner } = testEnclave;
const at = String(testTime.getTime() / 1000);

beforeAll(() => {
  writeFileSync(file('quote.bin'), makeQuote(pki));
  const { der, pem } = makeRaTls(pki);
  writeFileSync(file('ratls.der'), der);
  writeFileSync(file('ratls.pem'), pem);
  writeFileSync(file('root.pem'), pki.root.pem);
  writeFileSync(file('collateral.json'), JSON.stringify(dcapQvl(raw)));
});

function dcapQvl(parts: RawCollateral): object {
  const hex = (bytes: string | Uint8Array = '') => Buffer.from(bytes as Uint8Array).toString('hex');
  return {
    tcb_info: parts.tcbInfo,
    tcb_info_signature: parts.tcbInfoSignature,
    tcb_info_issuer_chain: parts.tcbInfoIssuerChain,
    qe_identity: parts.qeIdentity,
    qe_identity_signature: parts.qeIdentitySignature,
    qe_identity_issuer_chain: parts.qeIdentityIssuerChain,
    root_ca_crl: hex(parts.rootCaCrl),
    pck_crl: hex(parts.pckCrls[0]?.crl),
    pck_crl_issuer_chain: parts.pckCrls[0]?.issuerChain,
  };
}

/** `gsc attest` with the test's root and time; gives its JSON beside the exit code. */
async function attest(...args: readonly string[]) {
  const fixed = ['--root-ca', file('root.pem'), '--at', at, '--json'];
  const result = await gscHere(['attest', ...fixed, ...args], { workingDirectory: directory });
  return { ...result, json: JSON.parse(result.stdout || 'null') };
}

const good = ['--quote', 'quote.bin', '--collateral', 'collateral.json'] as const;

describe('gsc attest of a quote', () => {
  test('accepts the expected enclave with exit code 0, and gives its JSON', async () => {
    const { code, json, stderr } = await attest(...good, '--mrenclave', mrEnclave);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(json).toMatchObject({
      accepted: true,
      tcb_status: 'UpToDate',
      advisories: [],
      mr_enclave: mrEnclave,
      mr_signer: mrSigner,
      isv_prod_id: 5,
      isv_svn: 3,
      debug: false,
      report_data: '0'.repeat(128),
      any_identity: false,
      time: testTime.toISOString().replace('.000Z', 'Z'),
    });
    for (const { result } of json.checks) expect(['ok', 'failed', 'not-checked']).toContain(result);
  });

  test.each([
    [['--mrenclave', '00'.repeat(32)], 'mr-enclave'],
    [['--mrsigner', mrSigner, '--isvprodid', '5', '--isvsvn', '4'], 'isv-svn'],
    [['--mrsigner', mrSigner, '--isvprodid', '6', '--isvsvn', '3'], 'isv-prod-id'],
    [[], 'expected-identity'],
    [['--mrenclave', mrEnclave, '--report-data', 'ff'], 'report-data'],
    [['--mrenclave', mrEnclave, '--nonce', 'ff'], 'nonce'],
  ])('refuses %j with exit code 1 for %s', async (more, check) => {
    const { code, json } = await attest(...good, ...more);
    expect(code).toBe(1);
    expect(json.accepted).toBe(false);
    expect(json.tcb_status).toBe('UpToDate');
    const failed = json.checks.filter(({ result }: { result: string }) => result === 'failed');
    expect(failed.map(({ name }: { name: string }) => name)).toEqual([check]);
  });

  test('accepts any identity only where it is asked to, and says so in text and JSON', async () => {
    const { code, json } = await attest(...good, '--any-identity');
    expect([code, json.accepted, json.any_identity]).toEqual([0, true, true]);
    const text = await gscHere(['attest', ...good, '--any-identity', '--root-ca', 'root.pem', '--at', at], {
      workingDirectory: directory,
    });
    expect(text.stdout).toMatch(/^verdict +accepted; ANY IDENTITY: .*; ROOT OF root\.pem/m);
  });

  test("refuses the test's root without the option that names it", async () => {
    const { code, stdout } = await gscHere(['attest', ...good, '--any-identity', '--at', at], {
      workingDirectory: directory,
    });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^failed +pck-chain .*is not trusted/m);
    expect(stdout).toMatch(/^verdict +refused/m);
  });

  test('reads a quote from standard input', async () => {
    const stdin = (async function* () {
      yield readFileSync(file('quote.bin'));
    })();
    const { code } = await gscHere(
      [
        'attest',
        '--quote',
        '-',
        '--collateral',
        'collateral.json',
        '--any-identity',
        '--root-ca',
        'root.pem',
        '--at',
        at,
      ],
      { workingDirectory: directory, stdin },
    );
    expect(code).toBe(0);
  });

  test.each([
    [at, 0],
    [testTime.toISOString(), 0],
    [testTime.toISOString().replace('.000Z', ''), 0],
    ['2030-06-30', 0],
    ['2023-12-31T23:59:59Z', 1],
    ['2034-01-01T00:00:00Z', 0],
    ['2034-01-01T01:00:00+01:00', 0],
    ['2034-01-01T00:00:01Z', 1],
    ['2030-02-30', 2],
    ['yesterday', 2],
    ['-5', 2],
  ])('--at %s: exit code %i', async (time, code) => {
    const args = ['attest', ...good, '--any-identity', '--root-ca', 'root.pem', '--at', time];
    expect((await gscHere(args, { workingDirectory: directory })).code).toBe(code);
  });

  test('without --at it is the time of the machine', async () => {
    const args = ['attest', ...good, '--any-identity', '--root-ca', 'root.pem'];
    const world = { workingDirectory: directory, today: () => testTime };
    expect((await gscHere(args, world)).code).toBe(0);
    expect((await gscHere(args, { workingDirectory: directory })).stdout).toMatch(/not at 1970-01-01/);
  });

  test('a damaged quote or certificate is a verdict, not an error', async () => {
    writeFileSync(file('damaged.bin'), 'not a quote');
    for (const option of ['--quote', '--certificate']) {
      const { code, json } = await attest(
        option,
        'damaged.bin',
        '--collateral',
        'collateral.json',
        '--any-identity',
      );
      expect(code).toBe(1);
      expect(json.accepted).toBe(false);
      expect(json.mr_enclave).toBeNull();
    }
  });

  test('a policy decides, and a wrong one is an error with its place', async () => {
    writeFileSync(file('policy.yaml'), 'attest:\n  fmspc:\n    refuse: [00706e470000]\n');
    const { code, json } = await attest(...good, '--any-identity', '--policy', 'policy.yaml');
    expect(code).toBe(1);
    expect(json.checks.find(({ name }: { name: string }) => name === 'fmspc').result).toBe('failed');
    writeFileSync(file('wrong.yaml'), 'attest:\n  tcb_statuses: [UpToDate]\n');
    const wrong = await attest(...good, '--any-identity', '--policy', 'wrong.yaml');
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toMatch(/wrong\.yaml:2:\d+: attest\.tcb_statuses: unknown key/);
  });

  test('a PCK chain beside a quote that holds none', async () => {
    const pck = makePck(pki.processorCa);
    const certificationData = Buffer.alloc(36);
    writeFileSync(file('bare.bin'), makeQuote(pki, { pck, certificationType: 1, certificationData }));
    writeFileSync(file('pck.pem'), pck.pem);
    writeFileSync(file('ca.pem'), pki.processorCa.pem + pki.root.pem);
    const bare = ['--quote', 'bare.bin', '--collateral', 'collateral.json', '--any-identity'];
    expect((await attest(...bare)).code).toBe(1);
    expect((await attest(...bare, '--pck-certificate', 'pck.pem', '--pck-certificate', 'ca.pem')).code).toBe(
      0,
    );
  });
});

describe('wrong usage has exit code 2', () => {
  test.each([
    [[], /expected one of HOST:PORT/],
    [['--quote', 'quote.bin', '--certificate', 'ratls.der'], /got --quote and --certificate/],
    [['--quote', 'quote.bin', 'localhost:1'], /got HOST:PORT and --quote/],
    [['--quote', 'quote.bin', '--sni', 'x'], /--sni only with HOST:PORT/],
    [['localhost'], /expected HOST:PORT, got "localhost"/],
    [['localhost:0'], /expected HOST:PORT/],
    [['localhost:70000'], /expected HOST:PORT/],
    [[...good, '--mrenclave', 'abc'], /expected 32 bytes in hex/],
    [[...good, '--report-data', 'ff'.repeat(65)], /expected 1 to 64 bytes in hex/],
    [[...good, '--isvsvn', '70000', '--mrenclave', mrEnclave], /from 0 to 65535/],
    [[...good, '--isvsvn', '1'], /without --mrsigner/],
    [[...good, '--any-identity', '--mrenclave', mrEnclave], /--any-identity together with/],
    [[...good, '--nonce', 'aa', '--report-data', 'aa', '--any-identity'], /both --report-data and --nonce/],
    [[...good, '--root-ca', 'quote.bin', '--any-identity'], /not a certificate/],
  ])('%j', async (args, message) => {
    const { code, stderr } = await gscHere(['attest', ...args], { workingDirectory: directory });
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });
});

describe('gsc attest of a certificate', () => {
  test.each(['ratls.der', 'ratls.pem'])('%s is accepted, and its key reported', async (name) => {
    const { code, json } = await attest(
      ...['--certificate', name, '--collateral', 'collateral.json', '--mrenclave', mrEnclave],
    );
    expect(code).toBe(0);
    expect(json.channel_key_sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(json.checks[0].name).toBe('certificate-format');
  });
});

describe('--save and --saved', () => {
  test('keep everything together, and give the same verdict later', async () => {
    for (const [option, name] of [
      ['--quote', 'quote.bin'],
      ['--certificate', 'ratls.der'],
    ] as const) {
      const saved = `saved-${name}`;
      const first = await attest(
        option,
        name,
        '--collateral',
        'collateral.json',
        '--mrenclave',
        mrEnclave,
        '--save',
        saved,
      );
      expect(first.code).toBe(0);
      expect(readdirSync(file(saved)).sort()).toEqual(
        ['collateral', option === '--quote' ? 'quote.bin' : 'certificate.der', 'verdict.json'].sort(),
      );
      const again = await attest('--saved', saved);
      expect(again.code).toBe(0);
      expect(again.stderr).toMatch(/warning: the expected identity is the one in .*verdict\.json/);
      expect(again.json.checks).toEqual(first.json.checks);
      expect((await attest('--saved', saved, '--mrenclave', '00'.repeat(32))).code).toBe(1);
      const later = ['attest', '--saved', saved, '--root-ca', 'root.pem', '--at', '2035-01-01'];
      expect((await gscHere(later, { workingDirectory: directory })).code).toBe(1);
    }
  });

  test('take no root from the directory: it has to be given again', async () => {
    const args = ['attest', '--saved', 'saved-quote.bin', '--at', at];
    expect((await gscHere(args, { workingDirectory: directory })).stdout).toMatch(/is not trusted/);
  });

  test('leave a directory alone that is there', async () => {
    mkdirSync(file('full'));
    writeFileSync(file('full/x'), '');
    const { code, stderr } = await attest(...good, '--any-identity', '--save', 'full');
    expect(code).toBe(1);
    expect(stderr).toMatch(/the directory exists already/);
    expect(readdirSync(file('full'))).toEqual(['x']);
    expect(readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('a directory that is not a saved one is an error', async () => {
    const { code, stderr } = await attest('--saved', 'full');
    expect(code).toBe(1);
    expect(stderr).toMatch(/cannot be read|there is neither/);
  });
});

describe('collateral from a service', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close().closeAllConnections();
  });

  /** A PCCS that speaks one version; what it was asked is kept. */
  async function pccs(version: 'v3' | 'v4', broken: Readonly<Record<string, string>> = {}) {
    const asked: string[] = [];
    const lists = {
      processor: raw.pckCrls[0]?.crl as Uint8Array,
      platform: makeCrl({ issuer: pki.platformCa }),
    };
    const chain = (text: string | undefined) => encodeURIComponent(text ?? '');
    const answers: Readonly<
      Record<string, readonly [body: string | Uint8Array, headers?: Record<string, string>]>
    > = {
      'tcb?fmspc=00706E470000': [
        `{"tcbInfo":${raw.tcbInfo},"signature":"${raw.tcbInfoSignature}"}`,
        {
          [version === 'v3' ? 'SGX-TCB-Info-Issuer-Chain' : 'TCB-Info-Issuer-Chain']: chain(
            raw.tcbInfoIssuerChain,
          ),
        },
      ],
      'qe/identity': [
        `{"enclaveIdentity":${raw.qeIdentity},"signature":"${raw.qeIdentitySignature}"}`,
        { 'SGX-Enclave-Identity-Issuer-Chain': chain(raw.qeIdentityIssuerChain) },
      ],
      // PCCS gives this one as hex text.
      rootcacrl: [Buffer.from(raw.rootCaCrl as Uint8Array).toString('hex')],
      'pckcrl?ca=processor&encoding=der': [
        lists.processor,
        { 'SGX-PCK-CRL-Issuer-Chain': chain(pki.processorCa.pem + pki.root.pem) },
      ],
      'pckcrl?ca=platform&encoding=der': [
        lists.platform,
        { 'SGX-PCK-CRL-Issuer-Chain': chain(pki.platformCa.pem + pki.root.pem) },
      ],
    };
    const server = createServer(({ url = '' }: IncomingMessage, response) => {
      asked.push(url);
      const name = url.replace(`/sgx/certification/${version}/`, '');
      const [body, headers] = answers[name] ?? [undefined];
      response.writeHead(body === undefined ? 404 : 200, headers).end(broken[name] ?? body);
    });
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}`, asked };
  }

  test.each(['v3', 'v4'] as const)('a PCCS of version %s, with and without the path', async (version) => {
    const { url } = await pccs(version);
    for (const path of ['', '/', `/sgx/certification/${version}`, `/sgx/certification/${version}/`]) {
      const { code, stderr } = await attest(
        '--quote',
        'quote.bin',
        '--collateral',
        url + path,
        '--mrenclave',
        mrEnclave,
      );
      expect(stderr).toBe('');
      expect(code, path).toBe(0);
    }
  });

  test('gsc collateral get saves it for use off-line, by FMSPC and by quote', async () => {
    const { url, asked } = await pccs('v4');
    for (const [name, query] of [
      ['by-fmspc', ['--fmspc', '00706e470000']],
      ['by-quote', ['--quote', 'quote.bin']],
    ] as const) {
      const got = await gscHere(['collateral', 'get', ...query, '--from', url, '-o', name, '--json'], {
        workingDirectory: directory,
      });
      expect(got.code, got.stderr).toBe(0);
      expect(JSON.parse(got.stdout).files).toContain('tcb_info.json');
      expect(
        (await attest('--quote', 'quote.bin', '--collateral', name, '--mrenclave', mrEnclave)).code,
      ).toBe(0);
    }
    expect(asked.filter((each) => each.includes('ca=platform'))).toHaveLength(1);
    expect(readFileSync(file('by-quote/tcb_info.json'), 'utf8')).toBe(
      `{"tcbInfo":${raw.tcbInfo},"signature":"${raw.tcbInfoSignature}"}`,
    );
  });

  test.each([
    [['get', '-o', 'x'], 2],
    [['get', '--fmspc', '00', '-o', 'x'], 2],
    [['get', '--fmspc', '00706e470000'], 2],
    [['get', '--fmspc', '00706e470000', '--quote', 'quote.bin', '-o', 'x'], 2],
    [['get', '--fmspc', '00706e470000', '-o', 'x', '--from', 'localhost'], 2],
    [['put', '-o', 'x'], 2],
    [['get', '--quote', 'root.pem', '-o', 'x'], 1],
  ])('gsc collateral %j: exit code %i, and nothing written', async (args, code) => {
    expect((await gscHere(['collateral', ...args], { workingDirectory: directory })).code).toBe(code);
    expect(existsSync(file('x'))).toBe(false);
  });

  test('a platform that the service does not know, and an answer that is not collateral, are errors', async () => {
    const unknown = await pccs('v4');
    const get = ['collateral', 'get', '-o', 'x', '--from'];
    const first = await gscHere([...get, `${unknown.url}/sgx/certification/v4/`, '--fmspc', 'ffffffffffff']);
    expect(first.code).toBe(1);
    expect(first.stderr).toMatch(/answered with status 404/);
    const { url } = await pccs('v4', { 'qe/identity': '<html>' });
    const second = await attest('--quote', 'quote.bin', '--collateral', url, '--any-identity');
    expect(second.code).toBe(1);
    expect(second.json.error.code).toBe('collateral');
    expect(second.stderr).toMatch(/unexpected response/);
  });

  test('a service that is not there is an error where it was named', async () => {
    const { code, stderr } = await attest(
      '--quote',
      'quote.bin',
      '--collateral',
      'http://127.0.0.1:1',
      '--any-identity',
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/cannot be reached: .*ECONNREFUSED/);
  });

  test('none asks nothing: the verdict lists what was not checked, and does not accept', async () => {
    const { code, json, stderr } = await attest(
      '--quote',
      'quote.bin',
      '--collateral',
      'none',
      '--mrenclave',
      mrEnclave,
    );
    expect([code, stderr, json.accepted, json.tcb_status]).toEqual([1, '', false, null]);
    expect(json.checks.find(({ name }: { name: string }) => name === 'quote-signature').result).toBe('ok');
  });
});

describe('gsc attest of a live server', () => {
  test('takes its certificate, and offers name and protocols', async () => {
    const { key, pem } = makeRaTls(pki);
    const seen: unknown[] = [];
    const server = createHttpsServer({
      key: key.export({ type: 'pkcs8', format: 'pem' }),
      cert: pem,
      ALPNProtocols: ['h2'],
      SNICallback: (name, callback) => {
        seen.push(name);
        callback(null);
      },
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const live = [`127.0.0.1:${port}`, '--collateral', 'collateral.json', '--mrenclave', mrEnclave];
    const { code, json } = await attest(...live, '--sni', 'enclave.example', '--alpn', 'h2');
    server.close();
    expect(code).toBe(0);
    expect(json).toMatchObject({ source: `127.0.0.1:${port}`, tls_protocol: 'TLSv1.3' });
    expect(seen).toEqual(['enclave.example']);
  });
});

describe.skipIf(!areRealQuotesThere)('real quotes from the command line', () => {
  test.each(realQuotes.filter(({ verdict, time }) => verdict !== null && time !== null))(
    '$name has the right status',
    async (quote: RealQuote) => {
      const at = (name: string) => join(quoteRoot, quote.name, name);
      const own = quote.name === 'intel-qvl-synthetic' ? ['--root-ca', at('trustedRootCaCert.pem')] : [];
      const args = ['--quote', at('quote.bin'), '--collateral', join(quoteRoot, quote.name)];
      const { code, stdout } = await gscHere([
        'attest',
        ...args,
        ...own,
        '--mrenclave',
        quote.mrenclave,
        '--at',
        `${quote.time}`,
        '--json',
      ]);
      const json = JSON.parse(stdout);
      expect(json.tcb_status).toBe(quote.verdict?.status);
      expect(json.advisories).toEqual(quote.verdict?.advisories);
      const isGood = ['UpToDate', 'SWHardeningNeeded'].includes(json.tcb_status) && !quote.debug;
      expect(code).toBe(isGood && quote.name !== 'oasis-v3-pck-chain' ? 0 : 1);
    },
  );
});

describe.skipIf(!['cc', 'tar'].every(hasNeededTool))('the enclave of an image', () => {
  test('is accepted by the name of the image, and that of another is not', async () => {
    const gsc = await gscInScratch();
    const place = (...path: readonly string[]) => join(gsc.directory, ...path);
    const { root } = await standinRuntime();
    await writeApp(place('app'));
    await gsc(['gen-private-key', 'key.pem']);
    const options = ['--runtime', root, '--runtime-version', '1.9', '--key', 'key.pem', '--json'];
    const built = await gsc(['build', ...options, '-o', 'oci:out', 'oci:app']);
    expect(built.code, built.stderr).toBe(0);
    const { mr_enclave: measured, mr_signer: signer } = JSON.parse(built.stdout);
    const report = { mrEnclave: measured, mrSigner: signer, isvProdId: 0, isvSvn: 0 };
    writeFileSync(place('quote.bin'), makeQuote(pki, { report }));
    writeFileSync(place('other.bin'), makeQuote(pki));
    const by = [
      '--image',
      'oci:out',
      '--collateral',
      file('collateral.json'),
      '--root-ca',
      file('root.pem'),
      '--at',
      at,
    ];
    const accepted = await gsc(['attest', '--quote', 'quote.bin', ...by, '--json']);
    expect(accepted.code, accepted.stderr + accepted.stdout).toBe(0);
    const refused = await gsc(['attest', '--quote', 'other.bin', ...by]);
    expect(refused.code).toBe(1);
    expect(refused.stdout).toMatch(/^failed +mr-enclave/m);
    const contradicted = await gsc(['attest', '--quote', 'quote.bin', ...by, '--isvsvn', '1']);
    expect(contradicted.stdout).toMatch(/^failed +isv-svn +expected at least 1, got 0/m);
    expect((await gsc(['attest', '--quote', 'quote.bin', ...by.with(1, 'oci:app')])).stderr).toMatch(
      /not graminized/,
    );
  });
});
