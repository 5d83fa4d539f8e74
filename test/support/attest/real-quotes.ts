import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { VerifyOptions } from '../../../src/attest/options.ts';
import type { Verdict } from '../../../src/attest/verdict.ts';
import type { RawCollateral } from '../../../src/collateral/collateral.ts';
import { readDcapQvl } from '../../../src/collateral/dcap-qvl.ts';

/** Real quotes with collateral; their README says where they come from and which verdict is right. */
export const quoteRoot = fileURLToPath(new URL('../../../../shared/vectors/quotes/', import.meta.url));

export const areRealQuotesThere = existsSync(quoteRoot);

/** What manifest.json says about one quote. */
export interface RealQuote {
  readonly name: string;
  readonly time: number | null;
  readonly window: readonly [number, number] | null;
  readonly fmspc: string | null;
  readonly debug: boolean;
  readonly mrenclave: string;
  readonly mrsigner: string;
  readonly tcb_info_version: number | null;
  readonly has_collateral: boolean;
  readonly verdict: {
    readonly status: string;
    readonly qe: string;
    readonly advisories: readonly string[];
    readonly tcb_date: string;
  } | null;
}

export const realQuotes: readonly RealQuote[] = areRealQuotesThere
  ? (JSON.parse(readFileSync(join(quoteRoot, 'manifest.json'), 'utf8')) as RealQuote[])
  : [];

export function quoteBytes(name: string): Buffer {
  return readFileSync(join(quoteRoot, name, 'quote.bin'));
}

export function rawCollateral(name: string): RawCollateral {
  return readDcapQvl(readFileSync(join(quoteRoot, name, 'collateral.json'), 'utf8'));
}

/** Options for a real quote: its time, and the MRENCLAVE that it has. */
export function optionsFor({ time, mrenclave }: RealQuote, more: Partial<VerifyOptions> = {}): VerifyOptions {
  return { at: new Date((time ?? 1_752_919_277) * 1000), expected: { mrEnclave: mrenclave }, ...more };
}

/** Names of the checks that failed. */
export function failuresOf({ checks }: Verdict): readonly string[] {
  return checks.filter(({ result }) => result === 'failed').map(({ name }) => name);
}

/** The detail of a check; undefined if it was not made. */
export function detailOf({ checks }: Verdict, name: string): string | undefined {
  return checks.find((check) => check.name === name)?.detail;
}

export function resultOf({ checks }: Verdict, name: string): string | undefined {
  return checks.find((check) => check.name === name)?.result;
}
