import type { RuntimeVersion } from '../runtime/version.ts';
import { writablePart } from './graphene/write-manifest.ts';
import { addDefaults, type DefaultedManifest } from './schema/defaults.ts';
import { isTable, type TomlTable, type TomlValue } from './toml/toml.ts';

/**
 * Makes a composed manifest one that the runtime of a release takes: with its defaults, and without what its text cannot hold,
 * which the warnings name. Throws a `manifest` error where that is something without which nothing starts.
 */
export function fitToRelease(root: TomlTable, version: RuntimeVersion): DefaultedManifest {
  if (version.family === 'gramine') return addDefaults(root, version);
  const { root: writable, notes } = writablePart(
    withGrapheneDefaults(root, version.release),
    version.release,
  );
  return { root: writable, warnings: notes };
}

/**
 * What the first GSC sets for every image: programs that are linked to fixed addresses start too. Graphene's own default, an enclave
 * that debuggers may open, is not taken.
 */
function withGrapheneDefaults(root: TomlTable, release: string): TomlTable {
  const sgx = root.get('sgx');
  const given: TomlTable = isTable(sgx) ? sgx : new Map();
  const own: readonly (readonly [string, TomlValue])[] = [
    ['enclave_size', '256M'],
    ['max_threads', 4n],
    ['debug', false],
    [release === '1.2-rc1' ? 'nonpie_binary' : 'static_address', true],
  ];
  return new Map([...root, ['sgx', new Map([...own.filter(([key]) => !given.has(key)), ...given])]]);
}
