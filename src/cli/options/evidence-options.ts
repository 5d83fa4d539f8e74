import { resolve } from 'node:path';
import { type Evidence, readSavedEvidence } from '../../attest/evidence.ts';
import { fetchEndpointCertificate } from '../../attest/live-endpoint.ts';
import { GscError } from '../../base/error.ts';
import { parseEndpoint } from './attest-options.ts';
import type { CommandContext } from './command-context.ts';
import { readInput } from './input-file.ts';

export interface EvidenceOptions {
  readonly quote?: string;
  readonly certificate?: string;
  readonly saved?: string;
  readonly sni?: string;
  readonly alpn?: readonly string[];
  readonly timeout?: number;
}

const defaultTimeoutMs = 10_000;

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
  return readSavedEvidence(resolve(host.workingDirectory, saved as string));
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
    hint: 'name the evidence, as in gsc attest --quote quote.bin',
  });
}
