import type { ImagePath } from '../base/image-path.ts';
import type { Graminized } from '../graminize/graminize.ts';
import { ownDirectoryOf } from '../image/graminized-paths.ts';
import type { Image } from '../image/image.ts';
import { CompleteManifest } from '../manifest/complete-manifest.ts';
import { labelledVersion, parseRuntimeVersion } from '../runtime/version.ts';
import type { ImageScan } from '../scan/image-scan.ts';
import type { LayerIndex } from '../scan/layer-index.ts';
import { scanImage } from '../scan/scan-image.ts';
import { type ContainerUser, findUser } from '../start/container-user.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { mergeLayers } from '../tree/merge-layers.ts';
import { leanRulesFor } from '../trust/trust-level.ts';
import { type Exclusion, TrustPolicy } from '../trust/trust-policy.ts';
import type { ExplainableImage, KnownExclusion } from './explain-path.ts';
import { graminizedManifest } from './graminized-manifest.ts';

/** The reason that is true of gsc's own files; undefined for all others. */
function ownFile(path: ImagePath): KnownExclusion | undefined {
  const rule = ownDirectoryOf(path);
  const reason = 'the runtime and its manifest: the library OS reads them itself, programs inside do not';
  return rule && { rule, reason, origin: 'runtime', isCertain: true };
}

/** A graminized image with its tree, its manifest (the signed one if it is signed), and the default rules for reasons. */
export async function explainableImage(image: Image, given?: ImageScan): Promise<ExplainableImage> {
  const scan = given ?? (await scanImage(image));
  const manifest = await graminizedManifest(image);
  const version = labelledVersion(image.config.config?.Labels ?? {}) ?? parseRuntimeVersion('1.9');
  const policies = [new TrustPolicy({ trust: [], exclude: [] }), leanPolicy()];
  return {
    tree: scan.tree,
    diffIds: image.layers.map(({ diffId }) => diffId),
    names: CompleteManifest.parse(manifest.content, `${image.name}: ${manifest.path}`, version).names,
    user: userOf(image, scan.tree),
    exclusionOf: (path) => {
      const own = ownFile(path);
      if (own !== undefined) return own;
      const found = policies.map((policy) => policy.exclusionOf(path)).find((each) => each !== undefined);
      return found && known(found, false);
    },
  };
}

/**
 * What a build would make of an app image. `indexes` are those of the app image's layers; the layers that gsc adds are read
 * here.
 */
export async function explainableBuild(
  graminized: Graminized,
  indexes: readonly LayerIndex[],
): Promise<ExplainableImage> {
  const { image, selection, manifest } = graminized;
  const added = await scanImage({ ...image, layers: image.layers.slice(indexes.length) });
  const exclusions = new Map<ImagePath, KnownExclusion>([
    ...selection.ignoredLinks.map(
      ({ path, reason }) => [path, { rule: 'link', reason, origin: 'link', isCertain: true }] as const,
    ),
    ...selection.excluded.map(
      ({ path, rule, reason, origin }) => [path, { rule, reason, origin, isCertain: true }] as const,
    ),
  ]);
  const tree = mergeLayers([...indexes, ...added.indexes].map(({ entries }) => entries));
  return {
    tree,
    diffIds: image.layers.map(({ diffId }) => diffId),
    names: manifest.names,
    user: userOf(image, tree),
    exclusionOf: (path) => ownFile(path) ?? exclusions.get(path),
    ...(graminized.profileBasis && { basisOf: (path: ImagePath) => graminized.profileBasis?.get(path) }),
  };
}

function userOf({ config, name }: Image, tree: FileTree): ContainerUser {
  return findUser(config.config?.User ?? '', tree, name);
}

function leanPolicy(): TrustPolicy {
  return new TrustPolicy({ trust: [], exclude: [], level: leanRulesFor(false) });
}

function known({ pattern, reason, origin }: Exclusion, isCertain: boolean): KnownExclusion {
  return { rule: pattern, reason, origin, isCertain };
}
