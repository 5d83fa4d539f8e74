import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fetchEndpointCertificate } from '../../attest/live-endpoint.ts';
import {
  type FileContent,
  temporaryNameFor,
  writeError,
  writeFileAtomically,
} from '../../base/atomic-file.ts';
import { GscError } from '../../base/error.ts';
import { parseRaTlsCertificate } from '../../index.ts';
import { parseEndpoint } from '../options/attest-options.ts';
import type { CommandContext } from '../options/command-context.ts';
import { readInput } from '../options/input-file.ts';

/** What is to be attested: a bare quote, or a certificate with one, in a file or just shown by a server. */
export type Evidence =
  | { readonly kind: 'quote'; readonly bytes: Buffer; readonly source: string }
  | {
      readonly kind: 'certificate';
      readonly bytes: Buffer;
      readonly source: string;
      readonly protocol?: string;
    };

export interface EvidenceOptions {
  readonly quote?: string;
  readonly certificate?: string;
  readonly saved?: string;
  readonly sni?: string;
  readonly alpn?: readonly string[];
  readonly timeout?: number;
}

const defaultTimeoutMs = 10_000;

/** The names of evidence in a directory that `--save` wrote. */
const savedNames = { quote: 'quote.bin', certificate: 'certificate.der' } as const;

/** Reads the one piece of evidence that the command line names. Throws a `usage` error for none or several. */
export async function readEvidence(
  { host }: CommandContext,
  options: EvidenceOptions,
  endpoint: string | undefined,
): Promise<Evidence> {
  expectOneSource(options, endpoint);
  if (endpoint !== undefined) {
    const shown = await fetchEndpointCertificate({
      ...parseEndpoint(endpoint),
      serverName: options.sni,
      alpn: options.alpn,
      timeoutMs: options.timeout ?? defaultTimeoutMs,
      signal: host.signal,
    });
    return { kind: 'certificate', bytes: shown.der, source: endpoint, protocol: shown.protocol };
  }
  const { quote, certificate, saved } = options;
  if (quote !== undefined)
    return { kind: 'quote', bytes: await readInput(host, quote, 'quote'), source: quote };
  if (certificate !== undefined) {
    const bytes = await readInput(host, certificate, 'certificate');
    return { kind: 'certificate', bytes, source: certificate };
  }
  return readSaved(host.workingDirectory, saved as string, host);
}

function expectOneSource(options: EvidenceOptions, endpoint: string | undefined): void {
  const given = [
    endpoint !== undefined && 'HOST:PORT',
    ...(['quote', 'certificate', 'saved'] as const).map((name) => options[name] !== undefined && `--${name}`),
  ].filter((name) => name !== false);
  const live = (['sni', 'alpn', 'timeout'] as const).filter((name) => options[name] !== undefined);
  if (given.length === 1 && (endpoint !== undefined || live.length === 0)) return;
  const message =
    given.length === 1
      ? `--${live.join(', --')} only with HOST:PORT`
      : `expected one of HOST:PORT, --quote, --certificate and --saved, got ${given.join(' and ') || 'none'}`;
  throw new GscError({
    code: 'usage',
    subject: 'gsc attest',
    message,
    hint: 'say what to attest, as in gsc attest --quote quote.bin',
  });
}

async function readSaved(
  workingDirectory: string,
  directory: string,
  host: CommandContext['host'],
): Promise<Evidence> {
  for (const kind of ['certificate', 'quote'] as const) {
    const source = join(resolve(workingDirectory, directory), savedNames[kind]);
    try {
      return { kind, bytes: await readInput(host, source, kind), source };
    } catch (error) {
      if (!(error instanceof GscError) || error.code !== 'not-found') throw error;
    }
  }
  throw new GscError({
    code: 'not-found',
    subject: directory,
    message: `there is neither ${savedNames.certificate} nor ${savedNames.quote}`,
    hint: 'name a directory that gsc attest --save wrote',
  });
}

/** The quote in the evidence. Throws a `quote` error for a certificate that holds none. */
export function quoteIn(evidence: Evidence): Buffer {
  if (evidence.kind === 'quote') return evidence.bytes;
  return parseRaTlsCertificate(evidence.bytes, evidence.source).evidence.quote;
}

/** The file of the evidence in a directory that `--save` writes. */
export function evidenceFile({ kind, bytes }: Evidence): FileContent {
  return { path: savedNames[kind], bytes };
}

/** Writes a directory whole or not at all. Throws an `exists` error for one that is there and not empty. */
export async function writeDirectory(directory: string, files: readonly FileContent[]): Promise<void> {
  const temporary = temporaryNameFor(directory);
  try {
    await mkdir(temporary);
    for (const { path, bytes } of files) {
      await mkdir(dirname(join(temporary, path)), { recursive: true });
      await writeFileAtomically(join(temporary, path), bytes, { existing: 'refuse' });
    }
    await rename(temporary, directory);
  } catch (error) {
    throw asExisting(directory, error);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

function asExisting(directory: string, error: unknown): unknown {
  const isThere = error instanceof Error && 'code' in error && error.code === 'ENOTEMPTY';
  if (!isThere) return writeError(directory, error);
  return new GscError({
    code: 'exists',
    subject: directory,
    message: 'the directory exists already and is not empty',
    hint: 'choose another name, or remove the directory first',
    cause: error,
  });
}
