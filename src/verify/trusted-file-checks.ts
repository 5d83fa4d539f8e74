import { type ImagePath, showBytes } from '../base/image-path.ts';
import { showSize } from '../base/show-size.ts';
import type { CompleteManifest } from '../manifest/complete-manifest.ts';
import { pathOfUri, uriOf } from '../manifest/schema/file-uri.ts';
import { isArray, isTable, type TomlValue, valueAt } from '../manifest/toml/toml.ts';
import { PathFinder, type Resolution, showFailure } from '../tree/resolve-path.ts';
import { type Finding, failures, type ImageCheck, mismatch, notChecked, ok } from './check.ts';
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
  const manifest = image.manifest.value;
  if (manifest === undefined)
    return [notChecked(name, { subject: 'sgx.trusted_files', detail: 'needs a manifest that can be read' })];
  const given = valueAt(manifest.root, ['sgx', 'trusted_files']);
  const listed = isArray(given) ? given : [];
  const intactBytes = sizeIfIntact(image, manifest, listed);
  if (intactBytes !== undefined) return [intact(listed.length, intactBytes)];
  const found = new TrustedFiles(image);
  const findings: Finding[] = [];
  for (const each of listed) {
    const finding = found.check(readEntry(each));
    if (finding) findings.push({ ...finding, protection: 'checked-at-open' });
  }
  return findings.length > 0
    ? failures(name, findings, 'sgx.trusted_files')
    : [intact(listed.length, found.sizeBytes)];
}

function intact(count: number, sizeBytes: number): ImageCheck {
  return ok(name, {
    subject: 'sgx.trusted_files',
    detail: `all ${count} are in the image with the manifest's hash, ${showSize(sizeBytes)}`,
    protection: 'checked-at-open',
  });
}

/**
 * The size of all, if nothing can be wrong with any: each path is listed once, and is in the image once, as a
 * file with that hash. Undefined if each has to be looked at. There are tens of thousands.
 */
function sizeIfIntact(
  image: GraminizedImage,
  { names: { trusted } }: CompleteManifest,
  listed: readonly TomlValue[],
): number | undefined {
  const isPlain = trusted.size === listed.length && listed.every((each) => uriOf(each)?.startsWith('file:/'));
  if (!isPlain || ambiguousFiles(image).size > 0) return undefined;
  const finder = new PathFinder(image.tree);
  let sizeBytes = 0;
  for (const [path, sha256] of trusted) {
    const found = finder.resolve(path as ImagePath);
    if (found.kind !== 'found' || found.node.kind !== 'file' || found.node.sha256 !== sha256)
      return undefined;
    if (found.path !== path && linkProblem(image, found, path as ImagePath) !== undefined) return undefined;
    sizeBytes += found.node.sizeBytes;
  }
  return sizeBytes;
}

/** Those of a manifest, one after another. */
class TrustedFiles {
  readonly #image: GraminizedImage;
  readonly #finder: PathFinder;
  /** Paths that one layer has twice, with the layer. */
  readonly #ambiguous: ReadonlyMap<ImagePath, number>;
  /** Of those so far. */
  readonly #hashes = new Map<ImagePath, string>();
  #sizeBytes = 0;

  constructor(image: GraminizedImage) {
    this.#image = image;
    this.#finder = new PathFinder(image.tree);
    this.#ambiguous = ambiguousFiles(image);
  }

  /** Of those that were found. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  check({ uri, path, sha256 }: TrustedEntry): Finding | undefined {
    if (path === undefined || sha256 === undefined)
      return { subject: uri, detail: 'expected a file: URI with an absolute path and a sha256' };
    const other = this.#hashes.get(path);
    if (other !== undefined && other !== sha256)
      return { subject: showBytes(path), detail: `the manifest lists it twice, with ${other} and ${sha256}` };
    this.#hashes.set(path, sha256);
    const image = this.#image;
    const resolution = this.#finder.resolve(path);
    const detail =
      problemOf(image, resolution, sha256) ?? linkProblem(image, resolution, path) ?? this.#ambiguity(path);
    if (detail !== undefined) return { subject: showBytes(path), detail, lines: pathHistory(image, path) };
    if (resolution.kind === 'found' && resolution.node.kind === 'file')
      this.#sizeBytes += resolution.node.sizeBytes;
    return undefined;
  }

  #ambiguity(path: ImagePath): string | undefined {
    const layer = this.#ambiguous.get(path);
    if (layer === undefined) return undefined;
    return `${showLayer(this.#image.image, layer)} has it more than once, with different contents: what is unpacked may depend on the tool`;
  }
}

function problemOf(image: GraminizedImage, resolution: Resolution, sha256: string): string | undefined {
  if (resolution.kind !== 'found')
    return `${mismatch(`a file with SHA-256 ${sha256}`, 'none')}: ${showBytes(showFailure(resolution))}`;
  const { node, path } = resolution;
  if (node.kind !== 'file') return mismatch(`a file with SHA-256 ${sha256}`, `a ${node.kind}`);
  if (node.sha256 === sha256 || node.sha256 === sha256.toLowerCase()) return undefined;
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
