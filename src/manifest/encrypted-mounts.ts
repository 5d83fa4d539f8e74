import { type ImagePath, showBytes } from '../base/image-path.ts';
import { mountOf, readMounts } from './files/mounts.ts';
import { isTable, type TomlTable, valueAt } from './toml/toml.ts';

/** Gramine's own name of a key, for mounts that name none. */
const defaultKey = 'default';

/** Keys that the processor derives: bound to the enclave, and to its signer. */
const derivedKeys: ReadonlySet<string> = new Set(['_sgx_mrenclave', '_sgx_mrsigner']);

/**
 * What is to be said about the encrypted mounts of a complete manifest: those whose key nothing brings, and the files
 * that the start needs in one of them (`startFiles`), which the image has in plain.
 */
export function encryptedMountNotes(
  manifest: TomlTable,
  startFiles: readonly ImagePath[],
): readonly string[] {
  const mounts = readMounts(manifest);
  const keyless = mounts.filter(({ type, keyName }) => type === 'encrypted' && !hasKey(manifest, keyName));
  const notes = keyless.map(
    ({ at, keyName = defaultKey }) =>
      `encrypted ${showBytes(at)}: nothing in the manifest provides the key ${JSON.stringify(keyName)}, without which no file there can be opened: sgx.remote_attestation lets attestation provide it, the key name _sgx_mrsigner uses one that the processor derives, fs.insecure__keys.${keyName} is for experiments`,
  );
  const sealed = startFiles.filter((path) => mountOf(path, mounts)?.type === 'encrypted');
  return [
    ...notes,
    ...sealed.map(
      (path) =>
        `${showBytes(path)} is needed for the start and is in an encrypted mount: the image's own is in plaintext and cannot be opened there`,
    ),
  ];
}

function hasKey(manifest: TomlTable, keyName = defaultKey): boolean {
  if (derivedKeys.has(keyName)) return true;
  const attestation = valueAt(manifest, ['sgx', 'remote_attestation']);
  if (attestation !== undefined && attestation !== 'none' && attestation !== false) return true;
  const given = valueAt(manifest, ['fs', 'insecure__keys']);
  if (isTable(given) && given.has(keyName)) return true;
  // Until 1.4.
  const old = ['fs', 'sgx'].some(
    (table) => valueAt(manifest, [table, 'insecure__protected_files_key']) !== undefined,
  );
  return keyName === defaultKey && old;
}
