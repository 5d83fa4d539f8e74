import { GscError } from '../base/error.ts';
import type { TomlTable } from '../manifest/toml/toml.ts';
import { isAtLeast, type Release } from '../runtime/version.ts';
import { readSwitch, readTable, readWord } from './setting.ts';

/** The processor features that a manifest may rule on, in the order in which the signers go through them. */
export const cpuFeatureNames = ['avx', 'avx512', 'amx', 'mpx', 'pkru'] as const;
export type CpuFeatureName = (typeof cpuFeatureNames)[number];

/** `unspecified` leaves a feature to the machine. */
export type CpuFeaturePolicy = 'unspecified' | 'disabled' | 'required';

/**
 * How the manifest rules on them: one policy for each (`sgx.cpu_features`, from 1.6 on), or the list of those that are
 * required (`sgx.require_*`, until 1.7 and in Graphene).
 */
export type CpuFeatures =
  | { readonly kind: 'policies'; readonly policies: Readonly<Record<CpuFeatureName, CpuFeaturePolicy>> }
  | { readonly kind: 'required'; readonly required: readonly CpuFeatureName[] };

/** Reads `sgx.cpu_features` or `sgx.require_*`, as the release has it. Throws a `manifest` error. */
export function readCpuFeatures(sgx: TomlTable, release: Release): CpuFeatures {
  const oldKeys = cpuFeatureNames.map((name) => `require_${name}`).filter((key) => sgx.has(key));
  if (!isAtLeast(release, '1.6')) return requiredFeatures(sgx, true);
  if (isAtLeast(release, '1.8') || oldKeys.length === 0) return featurePolicies(sgx);
  if (sgx.has('cpu_features')) throw mixError(`sgx.${oldKeys[0]}`, 'sgx.cpu_features');
  return requiredFeatures(sgx, false);
}

/** Reads `sgx.use_exinfo` or `sgx.require_exinfo`, as the release has it. Throws a `manifest` error. */
export function readUsesExinfo(sgx: TomlTable, release: Release): boolean {
  if (!isAtLeast(release, '1.6')) return readSwitch(sgx, 'require_exinfo', true);
  if (isAtLeast(release, '1.8') || !sgx.has('require_exinfo')) return readSwitch(sgx, 'use_exinfo', false);
  if (sgx.has('use_exinfo')) throw mixError('sgx.require_exinfo', 'sgx.use_exinfo');
  return readSwitch(sgx, 'require_exinfo', false);
}

function requiredFeatures(sgx: TomlTable, doesOneCount: boolean): CpuFeatures {
  const required = cpuFeatureNames.filter((name) => readSwitch(sgx, `require_${name}`, doesOneCount));
  return { kind: 'required', required };
}

function featurePolicies(sgx: TomlTable): CpuFeatures {
  const table = readTable(sgx, 'cpu_features', 'sgx.cpu_features');
  const free = (name: CpuFeatureName): CpuFeaturePolicy =>
    readWord(table, name, { key: keyOf(name), words: ['unspecified', 'disabled', 'required'] });
  const decided = (name: CpuFeatureName): CpuFeaturePolicy =>
    readWord(table, name, { key: keyOf(name), words: ['disabled', 'required'] });
  const policies = {
    avx: free('avx'),
    avx512: free('avx512'),
    amx: free('amx'),
    mpx: decided('mpx'),
    pkru: decided('pkru'),
  };
  return { kind: 'policies', policies };
}

function keyOf(name: CpuFeatureName): string {
  return `sgx.cpu_features.${name}`;
}

function mixError(oldKey: string, newKey: string): GscError {
  return new GscError({
    code: 'manifest',
    subject: oldKey,
    message: `cannot be given together with ${newKey}`,
    hint: `keep ${newKey} only; ${oldKey} is its old form`,
  });
}
