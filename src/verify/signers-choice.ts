import type { CompleteManifest } from '../manifest/complete-manifest.ts';
import { type TomlTable, valueAt } from '../manifest/toml/toml.ts';
import type { EnclaveOverrides } from '../sign/enclave-overrides.ts';
import type { GraminizedImage } from './graminized-image.ts';

/**
 * The keys that whoever signed has chosen: those of the signed manifest whose values differ from the `completed` one's, which is
 * what signing makes of the image without any choice. None of an unsigned image.
 */
export function signersChoice(
  { isSigned, manifest }: GraminizedImage,
  { root }: Pick<CompleteManifest, 'root'>,
): EnclaveOverrides {
  if (!isSigned || manifest.value === undefined) return {};
  const [before, now] = [chosenKeys(root), chosenKeys(manifest.value.root)];
  const differing = Object.entries(now).filter(
    ([key, value]) => value !== before[key as keyof EnclaveOverrides],
  );
  return Object.fromEntries(differing);
}

function chosenKeys(root: TomlTable): EnclaveOverrides {
  const [isvProdId, isvSvn, isDebug] = ['isvprodid', 'isvsvn', 'debug'].map((key) =>
    valueAt(root, ['sgx', key]),
  );
  return {
    ...(typeof isvProdId === 'bigint' && { isvProdId: Number(isvProdId) }),
    ...(typeof isvSvn === 'bigint' && { isvSvn: Number(isvSvn) }),
    ...(typeof isDebug === 'boolean' && { isDebug }),
  };
}
