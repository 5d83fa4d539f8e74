import type { Digest } from '../base/digest.ts';
import {
  type ByteString,
  childOf,
  componentsOf,
  type ImagePath,
  imagePath,
  rootPath,
} from '../base/image-path.ts';
import { type LibraryDataRole, libraryDataRole } from '../graminize/library-data-role.ts';
import type { ProfileBasis } from '../graminize/profiled-selection.ts';
import {
  decideAccess,
  type FileAccessDecision,
  type ManifestNames,
} from '../manifest/files/access-decision.ts';
import type { ContainerUser } from '../start/container-user.ts';
import { readObstacle } from '../start/read-obstacle.ts';
import type { FileTree, TreeNode } from '../tree/file-tree.ts';
import { lookup, resolvePath } from '../tree/resolve-path.ts';
import { walkTree } from '../tree/walk-tree.ts';
import { engineFiles } from '../trust/exclusion-rules.ts';
import { type Exclusion, excludedByOption } from '../trust/trust-policy.ts';

/** An image in which paths should be explained: as it is with the layers that gsc adds. */
export interface ExplainableImage {
  /** All layers merged. */
  readonly tree: FileTree;
  /** Lowest first. */
  readonly diffIds: readonly Digest[];
  readonly names: ManifestNames;
  /** Who opens files: the enclave is a process of the container's user. */
  readonly user: ContainerUser;
  /**
   * Why a file or a link is not trusted, by its real name; undefined if no rule leaves it out. `isCertain` is false if the
   * rules of the build are not known and these are the ones by default.
   */
  readonly exclusionOf: (path: ImagePath) => KnownExclusion | undefined;
  /** Why a build with a profile trusts a file, by its real name; undefined if that is not known. */
  readonly basisOf?: (path: ImagePath) => ProfileBasis | undefined;
}

export interface KnownExclusion {
  readonly rule: string;
  readonly reason: string;
  readonly origin: Exclusion['origin'] | 'name' | 'link' | 'runtime' | 'profile';
  readonly isCertain: boolean;
}

/** What the image has under a name, links followed as the host does. */
export type PathFinding =
  | {
      readonly kind: 'file';
      readonly realPath: ImagePath;
      readonly sha256: string;
      readonly sizeBytes: number;
      readonly layer: LayerPlace;
      /** Why the container's user cannot read it, whatever the manifest says. */
      readonly unreadable?: string;
    }
  | { readonly kind: 'directory'; readonly realPath: ImagePath }
  | { readonly kind: 'special'; readonly realPath: ImagePath; readonly type: string }
  | {
      readonly kind: 'nothing';
      readonly obstacle: 'missing' | 'not-a-directory' | 'loop';
      readonly at: ImagePath;
    };

export interface LayerPlace {
  /** From 1, the lowest. */
  readonly number: number;
  readonly diffId: Digest;
}

/** What becomes of an attempt to open a path inside the enclave. */
export type Verdict =
  /**
   * `isIntact` is false if the image's content has another hash, so that opening fails; undefined if it has no such file.
   * `isReplaced`: the engine puts its own file there, whose hash is another one.
   */
  | {
      readonly kind: 'trusted';
      readonly sha256: string;
      readonly isIntact: boolean | undefined;
      readonly isReplaced?: true;
      /** Of a build with a profile. */
      readonly basis?: ProfileBasis;
    }
  /** `isListed` if a hash of it is in the manifest too, without effect. */
  | { readonly kind: 'allowed'; readonly entry: string; readonly isListed: boolean }
  | { readonly kind: 'unchecked' }
  | { readonly kind: 'storage'; readonly type: string; readonly keyName?: string; readonly hides: boolean }
  | { readonly kind: 'emulated'; readonly place: ImagePath }
  | { readonly kind: 'directory'; readonly counts: DirectoryCounts }
  /** `trustedAs`: another name of the file is trusted. `link`: the link in the name that is left out, while that one is. */
  | {
      readonly kind: 'refused';
      readonly exclusion?: KnownExclusion;
      readonly trustedAs?: ImagePath;
      readonly link?: ImagePath;
      readonly canBeCreated?: true;
    }
  /** `canBeCreated`: a file that a program creates there is let through, unprotected. */
  | { readonly kind: 'absent'; readonly canBeCreated?: true };

/** How many files below a directory have which verdict, under the names that begin with the directory's. */
export type DirectoryCounts = Readonly<
  Record<'trusted' | 'allowed' | 'unchecked' | 'refused' | 'storage', number>
>;

export interface PathExplanation {
  readonly path: ImagePath;
  readonly verdict: Verdict;
  /** The `chroot` mount that it goes through, and its name on the host then; absent if no mount but the root covers it. */
  readonly through?: { readonly at: ImagePath; readonly hostPath: ByteString };
  /** Where the link goes that the name itself is, as stored. */
  readonly linkTarget?: ByteString;
  /** Set for what Gramine's C library reads by itself. */
  readonly libraryData?: LibraryDataRole;
  readonly finding: PathFinding;
}

/** Says what the enclave does with a path (cleaned as text, as Gramine does), from the manifest, and what the image has there. */
export function explainPath(image: ExplainableImage, path: ImagePath): PathExplanation {
  const treatment = decideAccess(image.names, path);
  const hostPath = 'hostPath' in treatment ? treatment.hostPath : path;
  const finding = findIn(image, hostPath);
  const node = hostPath.startsWith('/') ? lookup(image.tree, imagePath(hostPath)) : undefined;
  const mount = 'hostPath' in treatment && treatment.mount.at !== '/' ? treatment.mount : undefined;
  const libraryData = libraryDataRole(image.tree, image.names.mounts, { path, hostPath });
  return {
    path,
    verdict: verdictOn(image, path, { treatment, finding, isLink: node?.kind === 'symlink' }),
    ...(mount && { through: { at: mount.at, hostPath } }),
    ...(node?.kind === 'symlink' && { linkTarget: node.target }),
    ...(libraryData && { libraryData }),
    finding,
  };
}

interface Found {
  readonly treatment: FileAccessDecision;
  readonly finding: PathFinding;
  readonly isLink: boolean;
}

function verdictOn(image: ExplainableImage, path: ImagePath, found: Found): Verdict {
  const { treatment, finding } = found;
  if (treatment.kind === 'emulated') return { kind: 'emulated', place: treatment.place };
  if (treatment.kind === 'storage') {
    const { type, keyName } = treatment.mount;
    const hides = finding.kind !== 'nothing';
    return { kind: 'storage', type, ...(keyName !== undefined && { keyName }), hides };
  }
  if (finding.kind === 'directory') {
    return { kind: 'directory', counts: countBelow(image, path, finding.realPath) };
  }
  switch (treatment.kind) {
    case 'trusted': {
      const isIntact =
        finding.kind === 'file' ? finding.sha256 === treatment.sha256.toLowerCase() : undefined;
      const isReplaced = engineFiles.has(treatment.hostPath);
      const basis = 'realPath' in finding ? image.basisOf?.(finding.realPath) : undefined;
      return {
        kind: 'trusted',
        sha256: treatment.sha256,
        isIntact,
        ...(isReplaced && { isReplaced }),
        ...(basis && { basis }),
      };
    }
    case 'allowed':
      return { kind: 'allowed', entry: treatment.entry, isListed: treatment.sha256 !== undefined };
    case 'unchecked':
    case 'refused':
      if (treatment.kind === 'unchecked') return { kind: isAbsent(found) ? 'absent' : 'unchecked' };
      return {
        ...(isAbsent(found) ? { kind: 'absent' } : refusal(image, treatment.hostPath, finding)),
        ...(image.names.allowsCreation && { canBeCreated: true }),
      };
  }
}

/** A link that leads nowhere may lead somewhere in a container, and what the engine makes is there in each. */
function isAbsent({ treatment, finding, isLink }: Found): boolean {
  const isMade = 'hostPath' in treatment && engineFiles.has(treatment.hostPath);
  return finding.kind === 'nothing' && !isLink && !isMade;
}

/** The name's own reason comes first: a link may be left out although its target is trusted. */
function refusal(
  { tree, names, exclusionOf }: ExplainableImage,
  hostPath: ByteString,
  finding: PathFinding,
): Verdict {
  const realPath = 'realPath' in finding ? finding.realPath : imagePath(hostPath);
  const link = firstLink(tree, imagePath(hostPath));
  const ofName = exclusionOf(imagePath(hostPath)) ?? (link && exclusionOf(link));
  const exclusion = ofName ?? exclusionOf(realPath) ?? engineExclusion(hostPath);
  const isElsewhere = hostPath !== realPath && names.trusted.has(realPath);
  return {
    kind: 'refused',
    ...(exclusion && { exclusion }),
    ...(isElsewhere && { trustedAs: realPath }),
    ...(isElsewhere && ofName && ofName.reason !== excludedByOption && link && { link }),
  };
}

/** The first link that a look-up of the name follows. */
function firstLink(tree: FileTree, path: ImagePath): ImagePath | undefined {
  let at = rootPath;
  for (const name of componentsOf(path)) {
    at = childOf(at, name);
    if (lookup(tree, at)?.kind === 'symlink') return at;
  }
  return undefined;
}

function engineExclusion(hostPath: ByteString): KnownExclusion | undefined {
  const rule = engineFiles.get(hostPath);
  return rule && { rule: rule.pattern, reason: rule.reason, origin: 'built-in', isCertain: true };
}

function findIn({ tree, diffIds, user }: ExplainableImage, hostPath: ByteString): PathFinding {
  const found = resolvePath(tree, hostPath);
  if (found.kind !== 'found') return { kind: 'nothing', obstacle: found.kind, at: found.at };
  const { path: realPath, node } = found;
  switch (node.kind) {
    case 'file': {
      const layer = { number: node.layer + 1, diffId: diffIdOf(diffIds, node.layer) };
      const unreadable = readObstacle(tree, realPath, user);
      const { sha256, sizeBytes } = node;
      return {
        kind: 'file',
        realPath,
        sha256,
        sizeBytes,
        layer,
        ...(unreadable !== undefined && { unreadable }),
      };
    }
    case 'directory':
      return { kind: 'directory', realPath };
    case 'special':
      return { kind: 'special', realPath, type: node.type };
    case 'symlink':
      throw new RangeError(`a link that was not followed: ${realPath}`);
  }
}

function diffIdOf(diffIds: readonly Digest[], layer: number): Digest {
  const diffId = diffIds[layer];
  if (diffId === undefined) throw new RangeError(`no layer ${layer + 1} of ${diffIds.length}`);
  return diffId;
}

/** Files and links to files; links to directories are separate names and not entered. */
function countBelow(image: ExplainableImage, path: ImagePath, realPath: ImagePath): DirectoryCounts {
  const counts = { trusted: 0, allowed: 0, unchecked: 0, refused: 0, storage: 0 };
  for (const { path: below, node } of walkTree(image.tree, realPath)) {
    if (!isFile(image.tree, below, node)) continue;
    const rest = below.slice(realPath === '/' ? 0 : realPath.length);
    const { kind } = decideAccess(image.names, imagePath(`${path}/${rest}`));
    counts[kind === 'emulated' ? 'storage' : kind] += 1;
  }
  return counts;
}

function isFile(tree: FileTree, path: ImagePath, node: TreeNode): boolean {
  if (node.kind !== 'symlink') return node.kind === 'file';
  const found = resolvePath(tree, path);
  return found.kind === 'found' && found.node.kind === 'file';
}
