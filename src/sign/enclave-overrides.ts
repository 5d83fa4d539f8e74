import type { CompleteManifest } from '../manifest/complete-manifest.ts';
import { showWhole } from '../manifest/merge.ts';
import { isTable, type TomlTable, type TomlValue, valueAt } from '../manifest/toml/toml.ts';

/** Keys of `sgx` that whoever signs decides, in place of what the manifest says. They are measured. */
export interface EnclaveOverrides {
  /** 0 to 65535. */
  readonly isvProdId?: number;
  /** 0 to 65535. */
  readonly isvSvn?: number;
  readonly isDebug?: boolean;
}

/** A key that was changed, with both values as they stand in manifests. */
export interface AppliedOverride {
  readonly key: string;
  readonly from: string;
  readonly to: string;
}

/** The manifest with the keys that are overridden, each in its place, and what changed by that. Pure. */
export function overrideManifest(
  manifest: TomlTable,
  { isvProdId, isvSvn, isDebug }: EnclaveOverrides,
): { readonly root: TomlTable; readonly applied: readonly AppliedOverride[] } {
  const wishes: readonly (readonly [string, TomlValue | undefined])[] = [
    ['isvprodid', isvProdId === undefined ? undefined : BigInt(isvProdId)],
    ['isvsvn', isvSvn === undefined ? undefined : BigInt(isvSvn)],
    ['debug', isDebug],
  ];
  const given = manifest.get('sgx');
  const sgx = new Map(isTable(given) ? given : []);
  const applied: AppliedOverride[] = [];
  for (const [key, value] of wishes) {
    const before = sgx.get(key);
    if (value === undefined || value === before) continue;
    applied.push({
      key: `sgx.${key}`,
      from: before === undefined ? 'unset' : showWhole(before),
      to: showWhole(value),
    });
    sgx.set(key, value);
  }
  return { root: applied.length === 0 ? manifest : new Map(manifest).set('sgx', sgx), applied };
}

/** The same for a complete manifest: the very value if nothing changes. */
export function overrideComplete(
  manifest: CompleteManifest,
  overrides: EnclaveOverrides,
): { readonly manifest: CompleteManifest; readonly applied: readonly AppliedOverride[] } {
  const { root, applied } = overrideManifest(manifest.root, overrides);
  const values = applied.map(({ key }) => {
    const name = key.slice('sgx.'.length);
    return [name, valueAt(root, ['sgx', name]) ?? ''] as const;
  });
  return { manifest: applied.length === 0 ? manifest : manifest.withSgxKeys(new Map(values)), applied };
}
