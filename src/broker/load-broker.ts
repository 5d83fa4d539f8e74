import { createPrivateKey, type KeyObject } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { collateralQueryOf } from '../attest/collateral-query.ts';
import type { ExpectedIdentity } from '../attest/options.ts';
import { GscError } from '../base/error.ts';
import type { HostEnvironment } from '../base/host-environment.ts';
import { readUserFile } from '../base/read-file.ts';
import type { Collateral } from '../collateral/collateral.ts';
import { fetchCollateral, type GetFromService, intelPcs, isUrl } from '../collateral/fetch-collateral.ts';
import { parseCollateral } from '../collateral/parse-collateral.ts';
import { readCollateral } from '../collateral/read-collateral.ts';
import { serviceGetter } from '../collateral/service-getter.ts';
import type { Image } from '../image/image.ts';
import { inspectImage } from '../inspect/inspect-image.ts';
import { defaultPolicy, parsePolicy } from '../policy/policy.ts';
import { parseRaTlsCertificate } from '../quote/ra-tls.ts';
import type { Certificate } from '../x509/certificate.ts';
import { readCertificateFile } from '../x509/certificate-file.ts';
import type { BrokerState } from './broker.ts';
import { type BrokerConfig, type ClientEntry, parseBrokerConfig } from './broker-config.ts';
import { readSecret } from './read-secret.ts';
import type { LoadedClient } from './serve-client.ts';

/** What a configuration is read with. */
export interface LoadSurroundings {
  readonly host: HostEnvironment;
  readonly openImage: (reference: string) => Promise<Image>;
}

/** What a configuration led to, and the files that it was read from. */
export interface LoadedBroker {
  readonly state: BrokerState;
  readonly files: readonly string[];
}

/** How long fetched collateral is kept. */
const collateralAgeMs = 3_600_000;

/** Reads the configuration of the broker and all that it names. Relative paths are below its directory. */
export async function loadBroker(context: LoadSurroundings, file: string): Promise<LoadedBroker> {
  const path = resolve(context.host.workingDirectory, file);
  const config = parseBrokerConfig((await readUserFile(path, 'configuration')).toString('utf8'), file);
  const directory = dirname(path);
  const at = (name: string) => resolve(directory, name);
  const certificatesIn = (name: string, what: string) =>
    readCertificateFile({ path: at(name), subject: `${file}: ${name}`, what, code: 'config' });
  const [rootCa] = config.rootCa ? await certificatesIn(config.rootCa, 'root certificate') : [];
  const [own] = await certificatesIn(config.certificate, "server's certificate");
  const key = await readUserFile(at(config.key), 'key');
  checkKey(key, own, `${file}: ${config.key}`);
  const policy = config.policy
    ? parsePolicy((await readUserFile(at(config.policy), 'policy')).toString('utf8'), config.policy)
    : defaultPolicy;
  const clients: LoadedClient[] = [];
  for (const entry of config.clients) clients.push(await loadClient(context, entry, directory));
  const state: BrokerState = {
    host: config.host,
    port: config.port,
    certificate: await readUserFile(at(config.certificate), 'certificate'),
    key,
    mostClients: config.mostClients,
    secondsPerClient: config.secondsPerClient,
    decision: {
      clients,
      collateralFor: await collateralSource(context, config, at),
      options: { policy: policy.attest, ...(rootCa && { rootCa }) },
    },
  };
  return { state, files: [path, ...filesOf(config).map(at)] };
}

/** Throws a `config` error unless the key is one in PEM, without a passphrase, and that of the certificate. */
function checkKey(pem: Buffer, { x509 }: Certificate, subject: string): void {
  const fail = (message: string) =>
    new GscError({ code: 'config', subject, message, hint: 'docs/gsc-secrets.md lists the keys and values' });
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw fail('expected a private key in PEM without a passphrase');
  }
  if (!x509.checkPrivateKey(key)) throw fail("expected the key of the server's certificate, got another one");
}

async function loadClient(
  { openImage, host }: LoadSurroundings,
  entry: ClientEntry,
  directory: string,
): Promise<LoadedClient> {
  const { environment } = host;
  const secrets = entry.secrets.map(async (secret) => ({
    name: secret.name,
    bytes: await readSecret(secret, { directory, environment }),
  }));
  const expected =
    entry.image === undefined ? entry.expected : await identityOf(await openImage(entry.image));
  return { name: entry.name, expected, secrets: await Promise.all(secrets) };
}

async function identityOf(image: Image): Promise<ExpectedIdentity> {
  const { mrEnclave, mrSigner, isvProdId, isvSvn } = (await inspectImage(image)).sigstruct;
  return { mrEnclave, mrSigner, isvProdId, isvSvn };
}

/** Saved collateral is read once; a service is asked for each kind of platform, and again after an hour. */
async function collateralSource(
  { host }: LoadSurroundings,
  { collateral = intelPcs }: BrokerConfig,
  at: (name: string) => string,
): Promise<(certificate: Buffer) => Promise<Collateral | undefined>> {
  if (!isUrl(collateral)) {
    const parsed = parseCollateral(await readCollateral(at(collateral)));
    return async () => parsed;
  }
  const get = await serviceGetter(host, []);
  const kept = new Map<string, { readonly at: number; readonly collateral: Promise<Collateral> }>();
  return (certificate) =>
    fetchKept({ service: collateral, get, kept, now: host.today().getTime() }, certificate);
}

interface KeptCollateral {
  readonly service: string;
  readonly get: GetFromService;
  readonly kept: Map<string, { readonly at: number; readonly collateral: Promise<Collateral> }>;
  readonly now: number;
}

/** Undefined for a certificate that names no platform: its verdict will say what is wrong with it. */
async function fetchKept(
  { service, get, kept, now }: KeptCollateral,
  certificate: Buffer,
): Promise<Collateral | undefined> {
  let query: ReturnType<typeof collateralQueryOf>;
  try {
    const { quote } = parseRaTlsCertificate(certificate, 'the certificate').evidence;
    query = collateralQueryOf(quote, undefined, 'the quote');
  } catch {
    return undefined;
  }
  const key = `${query.fmspc} ${query.cas}`;
  const known = kept.get(key);
  if (known !== undefined && now - known.at < collateralAgeMs) return known.collateral;
  const collateral = fetchCollateral(service, query, get).then(parseCollateral);
  kept.set(key, { at: now, collateral });
  collateral.catch(() => kept.delete(key));
  return collateral;
}

function filesOf(config: BrokerConfig): readonly string[] {
  const secrets = config.clients.flatMap((entry) =>
    entry.secrets.flatMap(({ source }) => (source.kind === 'file' ? [source.path] : [])),
  );
  const { certificate, key, policy, rootCa, collateral } = config;
  const saved = collateral !== undefined && !isUrl(collateral) ? [collateral] : [];
  return [certificate, key, ...[policy, rootCa].filter((name) => name !== undefined), ...saved, ...secrets];
}

/** What changes when one of the files does. */
export async function stampOf(files: readonly string[]): Promise<string> {
  const stamps = files.map((file) =>
    stat(file).then(
      ({ mtimeMs, size, ino }) => `${mtimeMs} ${size} ${ino}`,
      () => 'missing',
    ),
  );
  return (await Promise.all(stamps)).join('\n');
}
