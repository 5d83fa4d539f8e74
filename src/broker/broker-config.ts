import * as v from 'valibot';
import type { ExpectedIdentity } from '../attest/options.ts';
import { strictObjectOf } from '../base/object-schema.ts';
import { listOf, naturalNumber } from '../policy/policy-values.ts';
import { parseYamlFile } from '../policy/yaml-file.ts';

/** Where the bytes of a secret come from. */
export type SecretSource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'environment'; readonly name: string }
  | { readonly kind: 'program'; readonly command: readonly string[] };

/** `key`: 16 bytes, for an encrypted mount; `string`: text, for an environment variable; `file`: bytes as they are. */
export type SecretForm = 'key' | 'string' | 'file';

export interface SecretEntry {
  readonly name: string;
  readonly form: SecretForm;
  readonly source: SecretSource;
}

/** Who gets which secrets; the first one is what Gramine's client fetches by itself. */
export interface ClientEntry {
  readonly name: string;
  /** A signed image, instead of an identity by hand. */
  readonly image: string | undefined;
  readonly expected: ExpectedIdentity;
  readonly secrets: readonly SecretEntry[];
}

export interface BrokerConfig {
  readonly host: string;
  readonly port: number;
  /** Of the server itself: PEM files. */
  readonly certificate: string;
  readonly key: string;
  /** As of `gsc attest`. */
  readonly collateral: string | undefined;
  readonly policy: string | undefined;
  readonly rootCa: string | undefined;
  readonly mostClients: number;
  /** How long one client may take from its connection to its last secret. */
  readonly secondsPerClient: number;
  readonly clients: readonly ClientEntry[];
}

const text = v.pipe(v.string('expected a string'), v.minLength(1, 'expected a string'));
const hash = v.pipe(
  v.string(),
  v.regex(/^[0-9a-fA-F]{64}$/, 'expected 32 bytes in hex'),
  v.transform((hex) => hex.toLowerCase()),
);

const secret = v.pipe(
  strictObjectOf(
    {
      name: text,
      form: v.picklist(['key', 'string', 'file'], 'expected key, string or file'),
      file: v.optional(text),
      environment: v.optional(text),
      program: v.optional(v.pipe(listOf(text), v.minLength(1, 'expected a program'))),
    },
    'expected name, form, and one of file, environment and program',
  ),
  v.check(
    ({ file, environment, program }) => [file, environment, program].filter((each) => each).length === 1,
    'expected one of file, environment and program',
  ),
);

const client = v.pipe(
  strictObjectOf(
    {
      name: text,
      image: v.optional(text),
      mr_enclave: v.optional(hash),
      mr_signer: v.optional(hash),
      isv_prod_id: v.optional(naturalNumber(0xffff)),
      isv_svn: v.optional(naturalNumber(0xffff)),
      secrets: v.pipe(listOf(secret), v.minLength(1, 'expected at least one secret')),
    },
    'expected name, an identity, and secrets',
  ),
  v.check(
    (entry) => entry.image !== undefined || (entry.mr_enclave ?? entry.mr_signer) !== undefined,
    'expected image, mr_enclave or mr_signer: secrets are given by identity',
  ),
);

const listenPattern = /^(.*):(\d{1,5})$/;
const schema = strictObjectOf(
  {
    listen: v.optional(v.pipe(v.string(), v.regex(listenPattern, 'expected HOST:PORT'))),
    certificate: text,
    key: text,
    collateral: v.optional(text),
    policy: v.optional(text),
    root_ca: v.optional(text),
    most_clients: v.optional(naturalNumber(100_000)),
    seconds_per_client: v.optional(naturalNumber(3600)),
    clients: listOf(client),
  },
  'expected the keys certificate, key and clients',
);

/** Parses the configuration of `gsc secrets serve`. Throws a `config` error with line and column. */
export function parseBrokerConfig(content: string, subject: string): BrokerConfig {
  const hint = 'docs/gsc-secrets.md lists the keys and values';
  const values = parseYamlFile({ content, subject, hint }, schema);
  const [, host = 'localhost', port = '4433'] = listenPattern.exec(values.listen ?? '') ?? [];
  return {
    host: host.replace(/^\[(.*)\]$/, '$1'),
    port: Number(port),
    certificate: values.certificate,
    key: values.key,
    collateral: values.collateral,
    policy: values.policy,
    rootCa: values.root_ca,
    mostClients: values.most_clients ?? 256,
    secondsPerClient: values.seconds_per_client ?? 30,
    clients: values.clients.map((entry) => ({
      name: entry.name,
      image: entry.image,
      expected: {
        mrEnclave: entry.mr_enclave,
        mrSigner: entry.mr_signer,
        isvProdId: entry.isv_prod_id,
        isvSvn: entry.isv_svn,
      },
      secrets: entry.secrets.map(({ name, form, file, environment, program }) => ({
        name,
        form,
        source: sourceOf({ file, environment, program }),
      })),
    })),
  };
}

function sourceOf(given: {
  readonly file?: string | undefined;
  readonly environment?: string | undefined;
  readonly program?: readonly string[] | undefined;
}): SecretSource {
  if (given.file !== undefined) return { kind: 'file', path: given.file };
  if (given.environment !== undefined) return { kind: 'environment', name: given.environment };
  return { kind: 'program', command: given.program ?? [] };
}
