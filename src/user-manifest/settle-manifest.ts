import { type ImagePath, imagePath, isWithin } from '../base/image-path.ts';
import { allowedPaths } from '../manifest/files/allow-behind-mounts.ts';
import type { ManifestChoices } from '../manifest/option-manifest.ts';
import { pathOfUri } from '../manifest/schema/file-uri.ts';
import { throwOnProblems } from '../manifest/schema/problem.ts';
import { select } from '../manifest/schema/runtime-values.ts';
import { isTable, type TomlDocument, valueAt } from '../manifest/toml/toml.ts';
import type { UserManifest } from '../manifest/user-manifest.ts';
import type { ContainerProcess } from '../start/container-process.ts';
import { engineFiles } from '../trust/exclusion-rules.ts';
import { findWrongHashes } from './given-hashes.ts';
import { settleLibos } from './libos-entry.ts';
import { type MissingMount, type MountSurroundings, settleMounts } from './mount-sources.ts';
import { dropOwnEntries } from './own-entries.ts';
import { runSteps, type Surroundings } from './step.ts';

export interface SettleParts extends Surroundings {
  readonly start: ContainerProcess;
  readonly choices: ManifestChoices;
  /** The image's VOLUMEs, which engines make where the image lacks them. */
  readonly volumes: readonly ImagePath[];
}

/** A user's manifest whose paths are those of a graminized image. */
export interface SettledManifest extends TomlDocument {
  /** What was changed and why, a sentence each. */
  readonly notes: readonly string[];
  /** True if the application is to open files of the runtime, whatever its C library is. */
  readonly namesRuntime: boolean;
  readonly missingMounts: readonly MissingMount[];
}

/**
 * Fits a user's manifest, checked, to an image: what was written for another installation of Gramine, or by the Python GSC,
 * means the same in graminized images. Throws one `manifest` error for all that contradicts the image.
 */
export function settleUserManifest(given: UserManifest, parts: SettleParts): SettledManifest {
  const { document } = given;
  const names = runSteps(document, [
    (before) => settleLibos(before, parts),
    (before) => dropOwnEntries(before, parts),
  ]);
  const mounts = settleMounts(names.document, { ...parts, ...expectations(names.document, parts) });
  const replaced = [...madeFiles, ...allowedPlaces(names.document, parts)];
  const isReplaced = (path: ImagePath) => replaced.some((place) => isWithin(path, place));
  throwOnProblems(document.subject, [
    ...names.problems,
    ...mounts.problems,
    ...findWrongHashes(names.document, { tree: parts.tree, isReplaced }),
  ]);
  return {
    ...mounts.document,
    notes: [...given.notes, ...names.notes, ...mounts.notes],
    namesRuntime: names.namesRuntime || mounts.namesRuntime,
    missingMounts: mounts.missing,
  };
}

const madeFiles = [...engineFiles.keys()].map(imagePath);

/** What every container has, from its kernel. */
const kernelPlaces = ['/dev', '/proc', '/sys'].map(imagePath);

function expectations(
  document: TomlDocument,
  parts: SettleParts,
): Pick<MountSurroundings, 'isMadeByEngine' | 'isExpected'> {
  const made = [...madeFiles, ...parts.volumes, parts.start.workingDirectory.realPath];
  const expected = [...allowedPlaces(document, parts), ...hashedPlaces(document), ...parts.volumes];
  const allowsUnlisted = valueAt(document.root, ['sgx', 'file_check_policy']) === 'allow_all_but_log';
  return {
    // Directories above what is made are made with it.
    isMadeByEngine: (path) =>
      made.some((place) => isWithin(place, path)) || kernelPlaces.some((place) => isWithin(path, place)),
    isExpected: (path) =>
      allowsUnlisted || expected.some((place) => isWithin(place, path) || isWithin(path, place)),
  };
}

/** Where another content than the image's is let in. */
function allowedPlaces({ root }: TomlDocument, { choices }: SettleParts): readonly ImagePath[] {
  const volumes = choices.volumes.filter(({ use }) => use.kind === 'allowed');
  return [...allowedPaths(root), ...[...volumes, ...choices.secrets].map(({ path }) => path)];
}

/** Files that are trusted by a hash of the user's. */
function hashedPlaces({ root }: TomlDocument): readonly ImagePath[] {
  return [...select(root, 'sgx.trusted_files.*')].flatMap(([, entry]) =>
    isTable(entry) && entry.has('sha256') ? (pathOfUri(entry) ?? []) : [],
  );
}
