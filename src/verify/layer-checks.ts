import { bytesOfText, type ImagePath, imagePath, isWithin, showBytes } from '../base/image-path.ts';
import { ownDirectoryOf } from '../image/graminized-paths.ts';
import { valueAt } from '../manifest/toml/toml.ts';
import type { LayerEntry } from '../tree/entry.ts';
import { type Finding, failed, failures, type ImageCheck, mismatch, notChecked, okUnless } from './check.ts';
import { type GraminizedImage, type ReadEnclave, showLayer } from './graminized-image.ts';
import { launchIn } from './image-launch.ts';

const protection = 'not-protected';

/** Group 4: the layers are the app image's, the two of gsc build and the one of gsc sign-image, and these add only gsc's files. */
export function layerChecks(image: GraminizedImage): readonly ImageCheck[] {
  if (image.record.value === undefined) {
    const detail = `which layers the app image had is not known: ${image.record.problem}; --base compares them`;
    const finding = { subject: 'layers', detail, protection } as const;
    return [notChecked('base-layers', finding), notChecked('added-layers', finding)];
  }
  const base = image.record.value.base;
  return [...baseLayerChecks(image, base), ...addedLayerChecks(image, base.length)];
}

function baseLayerChecks({ image }: GraminizedImage, base: readonly string[]): readonly ImageCheck[] {
  const name = 'base-layers';
  const differing = base.flatMap((diffId, index): readonly Finding[] => {
    const got = image.layers[index]?.diffId;
    const subject = `layer ${index + 1} of ${image.layers.length}`;
    return got === diffId ? [] : [{ subject, detail: mismatch(diffId, got ?? 'none'), protection }];
  });
  return okUnless(failures(name, differing, 'layers'), name, () => ({
    subject: 'layers',
    detail: `the lowest ${base.length} are those that gsc build saw; --base compares them with the app image's`,
    protection,
  }));
}

/** What each layer that gsc adds may hold, by its place above the app image's. */
function addedLayerChecks(image: GraminizedImage, baseCount: number): readonly ImageCheck[] {
  const name = 'added-layers';
  const added = image.indexes.slice(baseCount);
  const expected = image.isSigned ? 3 : 2;
  const found: Finding[] = [];
  for (const [place, { entries }] of added.entries()) {
    const isExtra = place >= expected;
    const strange = isExtra ? entries : entries.filter((entry) => !isGscs(image, place, entry));
    if (!isExtra && strange.length === 0) continue;
    const lines = strange.slice(0, mostEntries).map(showEntry);
    const what = isExtra
      ? 'gsc did not add this layer'
      : `gsc did not put this there: ${strange.length} entries`;
    const named = strange.slice(0, 3).map(showEntry).join(', ');
    const detail = `${what}${named && `: ${named}`}${strange.length > 3 ? ', …' : ''}`;
    found.push({ subject: showLayer(image.image, baseCount + place), detail, protection, lines });
  }
  if (added.length < expected) {
    const detail = mismatch(`${expected} layers above the app image's`, added.length);
    return [...failures(name, found, 'layers'), failed(name, { subject: 'layers', detail, protection })];
  }
  return okUnless(failures(name, found, 'layers'), name, () => ({
    subject: 'layers',
    detail: `the highest ${expected} hold only what gsc adds: runtime, app files${image.isSigned ? ', signature' : ''}`,
    protection,
  }));
}

const mostEntries = 30;

function isGscs(image: GraminizedImage, place: number, entry: LayerEntry): boolean {
  const { path, kind } = entry;
  if (kind === 'directory')
    return isOwn(image, path, place) || isWithin(image.places.libpal, path) || isMade(image, path);
  if (kind !== 'file') return false;
  if (place === 2)
    return image.enclaves.some(({ files }) => path === files.manifestSgx || path === files.sigstruct);
  return isOwn(image, path, place) || (place === 1 && (addedFiles(image).has(path) || isBeside(image, path)));
}

function isOwn({ places }: GraminizedImage, path: ImagePath, place: number): boolean {
  if (path === places.libpal) return place === 1;
  const own = ownDirectoryOf(path);
  return own !== undefined && (place === 0) === (own !== places.appDirectory);
}

/** What has to lie elsewhere than in gsc's own directories. */
function isBeside(image: GraminizedImage, path: ImagePath): boolean {
  const isEnclaves = ({ files }: ReadEnclave) => path === files.manifest || path === files.trustedArguments;
  return image.enclaves.some(isEnclaves) || launchIn(image).files.some((file) => file.path === path);
}

function addedFiles({ record }: GraminizedImage): ReadonlySet<ImagePath> {
  return new Set((record.value?.options.files ?? []).map(({ path }) => path));
}

/** A directory that an added file or the working directory needs, and that no lower layer has. */
function isMade(image: GraminizedImage, path: ImagePath): boolean {
  const { config } = image.image.config;
  const start = valueAt(image.manifest.value?.root ?? new Map(), ['fs', 'start_dir']);
  const places = [start, config?.WorkingDir].flatMap((place) =>
    typeof place === 'string' ? [imagePath(bytesOfText(place))] : [],
  );
  const base = image.record.value?.base.length ?? 0;
  const isBelow = image.indexes
    .slice(0, base)
    .some(({ entries }) => entries.some((entry) => entry.kind === 'directory' && entry.path === path));
  return !isBelow && [...addedFiles(image), ...places].some((place) => isWithin(place, path));
}

function showEntry(entry: LayerEntry): string {
  const path = showBytes(entry.path);
  switch (entry.kind) {
    case 'whiteout':
      return `removes ${path}`;
    case 'opaque':
      return `hides all below ${path}`;
    case 'symlink':
      return `${path}, a link to ${showBytes(entry.target)}`;
    case 'hardlink':
      return `${path}, a hard link to ${showBytes(entry.target)}`;
    default:
      return `${path}, a ${entry.kind}`;
  }
}
