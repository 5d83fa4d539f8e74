import { type ImagePath, showBytes } from '../base/image-path.ts';
import { showSize } from '../base/show-size.ts';
import { pathOfUri, uriOf } from '../manifest/schema/file-uri.ts';
import { isArray, isTable, type TomlValue, valueAt } from '../manifest/toml/toml.ts';
import { type Resolution, resolvePath, showFailure } from '../tree/resolve-path.ts';
import { type Finding, failures, type ImageCheck, mismatch, notChecked, okUnless } from './check.ts';
import { type GraminizedImage, showLayer } from './graminized-image.ts';
import { ambiguousFiles, pathHistory } from './path-history.ts';

const name = 'trusted-files';

interface TrustedEntry {
  readonly uri: string;
  readonly path: ImagePath | undefined;
  readonly sha256: string | undefined;
}

/** Group 3: every trusted file of the manifest is in the image, with the manifest's hash. */
export function trustedFileChecks(image: GraminizedImage): readonly ImageCheck[] {
  const root = image.manifest.value?.root;
  if (root === undefined)
    return [notChecked(name, { subject: 'sgx.trusted_files', detail: 'needs a manifest that can be read' })];
  const listed = valueAt(root, ['sgx', 'trusted_files']);
  const entries = (isArray(listed) ? listed : []).map(readEntry);
  const ambiguous = ambiguousFiles(image);
  const sizes = new Map<string, number>();
  const hashes = new Map<ImagePath, string>();
  const found: Finding[] = [];
  for (const entry of entries) {
    const finding = checkEntry(image, entry, { ambiguous, sizes, hashes });
    if (finding) found.push({ ...finding, protection: 'checked-at-open' });
  }
  const sizeBytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  return okUnless(failures(name, found, 'sgx.trusted_files'), name, () => ({
    subject: 'sgx.trusted_files',
    detail: `all ${entries.length} are in the image with the manifest's hash, ${showSize(sizeBytes)}`,
    protection: 'checked-at-open',
  }));
}

interface SoFar {
  /** Paths that one layer has twice, with the layer. */
  readonly ambiguous: ReadonlyMap<ImagePath, number>;
  /** Of each content that was found. */
  readonly sizes: Map<string, number>;
  readonly hashes: Map<ImagePath, string>;
}

function checkEntry(
  image: GraminizedImage,
  { uri, path, sha256 }: TrustedEntry,
  { ambiguous, sizes, hashes }: SoFar,
): Finding | undefined {
  if (path === undefined || sha256 === undefined)
    return { subject: uri, detail: 'expected a file: URI with an absolute path and a sha256' };
  const other = hashes.get(path);
  if (other !== undefined && other !== sha256)
    return { subject: showBytes(path), detail: `the manifest lists it twice, with ${other} and ${sha256}` };
  hashes.set(path, sha256);
  const resolution = resolvePath(image.tree, path);
  const problem = problemOf(image, resolution, sha256) ?? linkProblem(image, resolution, path);
  if (problem !== undefined)
    return { subject: showBytes(path), detail: problem, lines: pathHistory(image, path) };
  const layer = ambiguous.get(path);
  if (layer !== undefined) {
    const detail = `${showLayer(image.image, layer)} has it more than once, with different contents: what is unpacked may depend on the tool`;
    return { subject: showBytes(path), detail, lines: pathHistory(image, path) };
  }
  if (resolution.kind === 'found' && resolution.node.kind === 'file')
    sizes.set(sha256, resolution.node.sizeBytes);
  return undefined;
}

function problemOf(image: GraminizedImage, resolution: Resolution, sha256: string): string | undefined {
  if (resolution.kind !== 'found')
    return `${mismatch(`a file with SHA-256 ${sha256}`, 'none')}: ${showBytes(showFailure(resolution))}`;
  const { node, path } = resolution;
  if (node.kind !== 'file') return mismatch(`a file with SHA-256 ${sha256}`, `a ${node.kind}`);
  if (node.sha256 === sha256.toLowerCase()) return undefined;
  return `${mismatch(`SHA-256 ${sha256}`, node.sha256)} from ${showLayer(image.image, node.layer)}, ${showBytes(path)}`;
}

/** gsc lists a link only beside what it leads to; a user's manifest may list what it likes. */
function linkProblem(
  { record, manifest }: GraminizedImage,
  found: Resolution,
  path: ImagePath,
): string | undefined {
  if (found.kind !== 'found' || found.path === path || record.value?.options.manifest !== undefined)
    return undefined;
  if (record.value === undefined || manifest.value?.names.trusted.has(found.path) !== false) return undefined;
  return `${mismatch('a regular file', `a link to ${showBytes(found.path)}`)}, which the manifest does not list`;
}

function readEntry(entry: TomlValue): TrustedEntry {
  const sha256 = isTable(entry) ? entry.get('sha256') : undefined;
  return {
    uri: uriOf(entry) ?? 'an entry without a URI',
    path: pathOfUri(entry),
    sha256: typeof sha256 === 'string' ? sha256 : undefined,
  };
}
