import { baseNameOf, bytesOfText, imagePath, showBytes } from '../base/image-path.ts';
import { textOfFileUri } from '../manifest/schema/file-uri.ts';
import { type Finding, locateFindings, showPlace } from '../manifest/schema/problem.ts';
import { replaceAt } from '../manifest/toml/document-edits.ts';
import { isTable, type KeyPath, type TomlDocument, valueAt } from '../manifest/toml/toml.ts';
import { runtimeFacts } from '../runtime/runtime.ts';
import { realFileAt } from '../runtime/tree-source.ts';
import { type Step, type Surroundings, unchanged } from './step.ts';

const key: KeyPath = ['loader', 'entrypoint'];

interface GivenLibos {
  readonly uri: string | undefined;
  readonly sha256: string | undefined;
  readonly uriPath: KeyPath;
}

/**
 * The library OS that a manifest names is that of some installation, mostly Gramine's usual place: it starts from where the
 * runtime is in graminized images, so that gsc's own entry takes its place. Another library OS is a problem: only the
 * runtime's is in the image's enclave.
 */
export function settleLibos(document: TomlDocument, around: Surroundings): Step {
  const given = readGiven(document);
  if (given === undefined) return unchanged(document);
  const own = runtimeFacts(around.runtime).entrypoint;
  const findings = [...findOtherFile(given, around), ...findOtherHash(given, own.sha256)];
  const notes =
    given.uri === undefined || given.uri === own.uri || findings.length > 0
      ? []
      : [`${showPlace(document, given.uriPath)}: ${given.uri} became ${own.uri}, where the runtime is`];
  return {
    ...unchanged(replaceAt(document, key, undefined)),
    notes,
    problems: locateFindings(document, findings),
  };
}

/** A string until Gramine 1.7, a table since. */
function readGiven({ root }: TomlDocument): GivenLibos | undefined {
  const entrypoint = valueAt(root, key);
  if (typeof entrypoint === 'string') return { uri: entrypoint, sha256: undefined, uriPath: key };
  if (!isTable(entrypoint)) return undefined;
  const [uri, sha256] = [entrypoint.get('uri'), entrypoint.get('sha256')];
  return {
    uri: typeof uri === 'string' ? uri : undefined,
    sha256: typeof sha256 === 'string' ? sha256 : undefined,
    uriPath: [...key, 'uri'],
  };
}

function findOtherFile(given: GivenLibos, { tree, runtime }: Surroundings): readonly Finding[] {
  if (given.uri === undefined) return [];
  const path = imagePath(bytesOfText(textOfFileUri(given.uri) ?? given.uri));
  const { sha256 } = runtimeFacts(runtime).entrypoint;
  const inImage = realFileAt(tree, path)?.node.sha256;
  if (inImage === undefined ? baseNameOf(path) === 'libsysdb.so' : inImage === sha256) return [];
  const problem =
    inImage === undefined
      ? `got ${showBytes(path)}, which is not the name of one, nor a file of the image`
      : `got another file of the image at ${showBytes(path)}, with the SHA-256 ${inImage}`;
  return [
    {
      path: given.uriPath,
      message: `expected the library OS of the runtime (libsysdb.so, SHA-256 ${sha256}), ${problem}`,
      hint: 'remove loader.entrypoint; another library OS needs another --runtime',
    },
  ];
}

function findOtherHash({ sha256 }: GivenLibos, own: string): readonly Finding[] {
  if (sha256 === undefined || sha256.toLowerCase() === own) return [];
  return [
    {
      path: [...key, 'sha256'],
      message: `expected the SHA-256 of the runtime's libsysdb.so, ${own}, got ${sha256}`,
      hint: 'remove it, or build with the --runtime that it belongs to',
    },
  ];
}
