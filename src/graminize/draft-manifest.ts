import { type ImagePath, isWithin } from '../base/image-path.ts';
import type { Image } from '../image/image.ts';
import { type AppliedPreset, presetFor } from '../manifest/preset/presets.ts';
import type { RuntimeVersion } from '../runtime/version.ts';
import { type ContainerProcess, findStart } from '../start/container-process.ts';
import { emulatedPlaces } from '../start/emulated-places.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { likelyWrittenDirectories, showWriteSign } from '../trust/likely-written-directories.ts';
import { selectTrustedFiles } from '../trust/trusted-files.ts';
import { configuredApp, noChoices } from './build-options.ts';
import { scratchDirectories } from './scratch-directories.ts';
import { type StarterParts, starterManifest } from './starter-manifest.ts';
import { declaredVolumes } from './volume-report.ts';

export interface DraftOptions {
  /** The release whose rules the manifest follows. */
  readonly version: RuntimeVersion;
  /** The name of a preset; `auto` finds one by the program that starts. */
  readonly preset: string;
  /** In place of the image's ENTRYPOINT and CMD, as for a build. */
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
}

/** A first manifest, as text. */
export interface DraftManifest {
  readonly manifest: string;
  readonly preset?: AppliedPreset;
}

/**
 * Drafts a manifest for an app image: what starts, what its program is known to need, what you have to decide. `tree` is what is
 * in the image, as `scanImage` gives it. Throws what finding the start throws.
 */
export function draftManifest(app: Image, tree: FileTree, options: DraftOptions): DraftManifest {
  const { version, preset: presetName, ...words } = options;
  const start = findStart(configuredApp(app, { ...noChoices, ...words }).config, tree, app.name);
  const preset = presetFor(presetName, start, { user: undefined, version });
  const volumes = declaredVolumes(app.config);
  const manifest = starterManifest({
    ...{ appName: app.name, start, version, volumes },
    writePlaces: writePlacesOf(tree, start, volumes),
    ...(preset && { preset }),
  });
  return { manifest, ...(preset && { preset }) };
}

/** Places to write to that neither a VOLUME nor a tmpfs of gsc's own covers, and that hold nothing that must stay visible. */
function writePlacesOf(
  tree: FileTree,
  start: ContainerProcess,
  volumes: readonly ImagePath[],
): NonNullable<StarterParts['writePlaces']> {
  const { trusted } = selectTrustedFiles(tree, { subject: 'image' });
  const places = likelyWrittenDirectories({
    tree,
    user: start.user,
    trusted: new Set(trusted.map(({ path }) => path)),
  });
  const covered = [...scratchDirectories(tree), ...emulatedPlaces, ...volumes];
  return places
    .filter(({ path, trustedCount }) => trustedCount === 0 && !covered.some((each) => isWithin(path, each)))
    .map((place) => ({ path: place.path, reason: showWriteSign(place) }));
}
