import * as z from 'zod/mini';
import type { ExpectedIdentity } from '../attest/options.ts';
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

const text = z.string({ error: 'expected a string' }).check(z.minLength(1, { error: 'expected a string' }));
const hash = z.pipe(
  z.string().check(z.regex(/^[0-9a-fA-F]{64}$/, { error: 'expected 32 bytes in hex' })),
  z.transform((hex) => hex.toLowerCase()),
);

const secret = z
  .strictObject(
    {
      name: text,
      form: z.enum(['key', 'string', 'file'], { error: 'expected key, string or file' }),
      file: z.optional(text),
      environment: z.optional(text),
      program: z.optional(listOf(text).check(z.minLength(1, { error: 'expected a program' }))),
    },
    'expected name, form, and one of file, environment and program',
  )
  .check(
    z.refine(
      ({ file, environment, program }) => [file, environment, program].filter((each) => each).length === 1,
      { error: 'expected one of file, environment and program' },
    ),
  );

const client = z
  .strictObject(
    {
      name: text,
      image: z.optional(text),
      mr_enclave: z.optional(hash),
      mr_signer: z.optional(hash),
      isv_prod_id: z.optional(naturalNumber(0xffff)),
      isv_svn: z.optional(naturalNumber(0xffff)),
      secrets: listOf(secret).check(z.minLength(1, { error: 'expected at least one secret' })),
    },
    'expected name, an identity, and secrets',
  )
  .check(
    z.refine((entry) => entry.image !== undefined || (entry.mr_enclave ?? entry.mr_signer) !== undefined, {
      error: 'expected image, mr_enclave or mr_signer: secrets are given by identity',
    }),
  );

const listenPattern = /^(.*):(\d{1,5})$/;
const schema = z.strictObject(
  {
    listen: z.optional(z.string().check(z.regex(listenPattern, { error: 'expected HOST:PORT' }))),
    certificate: text,
    key: text,
    collateral: z.optional(text),
    policy: z.optional(text),
    root_ca: z.optional(text),
    most_clients: z.optional(naturalNumber(100_000)),
    seconds_per_client: z.optional(naturalNumber(3600)),
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
