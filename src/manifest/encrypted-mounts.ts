import { type ImagePath, showBytes } from '../base/image-path.ts';
import { mountOf, readMounts } from './files/mounts.ts';
import { variableIn } from './schema/variable.ts';
import { isTable, type TomlTable, valueAt } from './toml/toml.ts';

/** Gramine's own name of a key, for mounts that name none. */
const defaultKey = 'default';

/** Keys that the processor derives: bound to the enclave, and to its signer. */
const derivedKeys: ReadonlySet<string> = new Set(['_sgx_mrenclave', '_sgx_mrsigner']);

/**
 * What to report about the encrypted mounts of a complete manifest: those whose key nothing brings, and the files
 * that the start needs in one of them (`startFiles`), which the image has in plain.
 */
export function encryptedMountNotes(
  manifest: TomlTable,
  startFiles: readonly ImagePath[],
): readonly string[] {
  const mounts = readMounts(manifest);
  const keyless = mounts.filter(({ type, keyName }) => type === 'encrypted' && !hasKey(manifest, keyName));
  const notes = keyless.map(({ at, keyName = defaultKey }) => keylessNote(at, keyName, fetchedKey(manifest)));
  const sealed = startFiles.filter((path) => mountOf(path, mounts)?.type === 'encrypted');
  return [
    ...notes,
    ...uselessKeyNotes(manifest),
    ...sealed.map(
      (path) =>
        `${showBytes(path)} is needed for the start and is in an encrypted mount: the image's own is in plaintext and cannot be opened there`,
    ),
  ];
}

/** The name of the one key that Gramine's client library fetches before the program runs, if the manifest makes it do so. */
function fetchedKey(manifest: TomlTable): string | undefined {
  const isFetching = ['1', 'true', 'TRUE'].includes(
    variableIn(manifest, 'SECRET_PROVISION_CONSTRUCTOR') ?? '',
  );
  return isFetching ? variableIn(manifest, 'SECRET_PROVISION_SET_KEY') : undefined;
}

function keylessNote(at: ImagePath, keyName: string, fetched: string | undefined): string {
  const [place, name] = [`encrypted ${showBytes(at)}`, JSON.stringify(keyName)];
  if (fetched === undefined)
    return `${place}: nothing in the manifest provides the key ${name}, without which no file there can be opened: sgx.remote_attestation lets attestation provide it, the key name _sgx_mrsigner uses one that the processor derives, fs.insecure__keys.${keyName} is for experiments`;
  return `${place}: the key broker does not deliver the key ${name}: Gramine's client sets one key, ${JSON.stringify(fetched)}; give both mounts that key name, or let the application write the other key to /dev/attestation/keys/${keyName}`;
}

/** A key that is fetched, and that no mount is encrypted with. */
function uselessKeyNotes(manifest: TomlTable): readonly string[] {
  const fetched = fetchedKey(manifest);
  if (fetched === undefined) return [];
  const shown = `SECRET_PROVISION_SET_KEY: the key broker delivers the key ${JSON.stringify(fetched)}`;
  if (derivedKeys.has(fetched))
    return [`${shown}, which the processor derives and cannot be set: choose another name`];
  const isUsed = readMounts(manifest).some(
    ({ type, keyName = defaultKey }) => type === 'encrypted' && keyName === fetched,
  );
  return isUsed ? [] : [`${shown}, but no mount is encrypted with it`];
}

/** The names of the keys that encrypted mounts need and that neither the processor nor the manifest has, in order. */
export function keysToDeliver(manifest: TomlTable): readonly string[] {
  const given = valueAt(manifest, ['fs', 'insecure__keys']);
  const names = readMounts(manifest).flatMap(({ type, keyName = defaultKey }) =>
    type === 'encrypted' ? [keyName] : [],
  );
  const isHere = (name: string) => derivedKeys.has(name) || (isTable(given) && given.has(name));
  return [...new Set(names)].filter((name) => !isHere(name));
}

function hasKey(manifest: TomlTable, keyName = defaultKey): boolean {
  if (derivedKeys.has(keyName)) return true;
  const fetched = fetchedKey(manifest);
  const attestation = valueAt(manifest, ['sgx', 'remote_attestation']);
  const isAttesting = attestation !== undefined && attestation !== 'none' && attestation !== false;
  // An application that fetches keys by itself says so nowhere.
  if (isAttesting && (fetched === undefined || fetched === keyName)) return true;
  const given = valueAt(manifest, ['fs', 'insecure__keys']);
  if (isTable(given) && given.has(keyName)) return true;
  // Until 1.4.
  const old = ['fs', 'sgx'].some(
    (table) => valueAt(manifest, [table, 'insecure__protected_files_key']) !== undefined,
  );
  return keyName === defaultKey && old;
}
