import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { collateralQueryOf } from '../../attest/collateral-query.ts';
import { readUserFile } from '../../base/read-file.ts';
import type { BrokerState } from '../../broker/broker.ts';
import { type BrokerConfig, type ClientEntry, parseBrokerConfig } from '../../broker/broker-config.ts';
import { readSecret } from '../../broker/read-secret.ts';
import type { LoadedClient } from '../../broker/serve-client.ts';
import {
  type Collateral,
  defaultPolicy,
  type ExpectedIdentity,
  fetchCollateral,
  type GetFromService,
  inspectImage,
  intelPcs,
  parseCollateral,
  parsePolicy,
  parseRaTlsCertificate,
  parseReference,
  readCertificates,
  readCollateral,
} from '../../index.ts';
import type { CommandContext } from '../options/command-context.ts';
import { isUrl } from './collateral-source.ts';
import { serviceGetter } from './service-request.ts';

/** What a configuration led to, and the files that it was read from. */
export interface LoadedBroker {
  readonly state: BrokerState;
  readonly files: readonly string[];
}

/** How long fetched collateral is kept. */
const collateralAgeMs = 3_600_000;

/** Reads the configuration of the broker and all that it names. Relative paths are below its directory. */
export async function loadBroker(context: CommandContext, file: string): Promise<LoadedBroker> {
  const path = resolve(context.host.workingDirectory, file);
  const config = parseBrokerConfig((await readUserFile(path, 'configuration')).toString('utf8'), file);
  const directory = dirname(path);
  const at = (name: string) => resolve(directory, name);
  const [rootCa] = config.rootCa ? readCertificates(await readUserFile(at(config.rootCa), 'root')) : [];
  const policy = config.policy
    ? parsePolicy((await readUserFile(at(config.policy), 'policy')).toString('utf8'), config.policy)
    : defaultPolicy;
  const clients: LoadedClient[] = [];
  for (const entry of config.clients) clients.push(await loadClient(context, entry, directory));
  const state: BrokerState = {
    host: config.host,
    port: config.port,
    certificate: await readUserFile(at(config.certificate), 'certificate'),
    key: await readUserFile(at(config.key), 'key'),
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

async function loadClient(
  { images, host }: CommandContext,
  entry: ClientEntry,
  directory: string,
): Promise<LoadedClient> {
  const { environment } = host;
  const secrets = entry.secrets.map(async (secret) => ({
    name: secret.name,
    bytes: await readSecret(secret, { directory, environment }),
  }));
  const expected = entry.image === undefined ? entry.expected : await identityOf(entry.image, images);
  return { name: entry.name, expected, secrets: await Promise.all(secrets) };
}

async function identityOf(reference: string, images: CommandContext['images']): Promise<ExpectedIdentity> {
  const { image } = await images.open(parseReference(reference));
  const { mrEnclave, mrSigner, isvProdId, isvSvn } = (await inspectImage(image)).sigstruct;
  return { mrEnclave, mrSigner, isvProdId, isvSvn };
}

/** Saved collateral is read once; a service is asked for each kind of platform, and again after an hour. */
async function collateralSource(
  { host }: CommandContext,
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
