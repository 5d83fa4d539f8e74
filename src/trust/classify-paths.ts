import { type ByteString, type ImagePath, showBytes, textOfBytes } from '../base/image-path.ts';
import type { FileNode, FileTree, SymlinkNode } from '../tree/file-tree.ts';
import { resolvePath, showFailure } from '../tree/resolve-path.ts';
import { walkTree } from '../tree/walk-tree.ts';
import { keyOf } from './path-order.ts';
import type { ExclusionOrigin, TrustPolicy } from './trust-policy.ts';

/** A name under which a trusted file can be opened. */
export interface TrustedName {
  readonly path: ImagePath;
  /** By which names sort, see `keyOf`. */
  readonly key: ByteString;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** The file's real path, if the name is, or goes through, a link. */
  readonly via?: ImagePath;
}

/** A link to a directory; both paths are real. */
export interface DirectoryLink {
  readonly path: ImagePath;
  readonly key: ByteString;
  readonly target: ImagePath;
}

/** A file that is not trusted. */
export interface ExcludedFile {
  readonly path: ImagePath;
  readonly sizeBytes: number;
  /** The pattern of the rule, or `names` for files whose names a manifest cannot hold. */
  readonly rule: string;
  readonly reason: string;
  readonly origin: ExclusionOrigin | 'name' | 'profile';
}

/** A link that no trusted name goes through. `target` is as the link stores it. */
export interface IgnoredLink {
  readonly kind:
    | 'dangling'
    | 'loop'
    | 'special'
    | 'in-excluded-place'
    | 'to-excluded-place'
    | 'unwritable-name';
  readonly path: ImagePath;
  readonly target: ByteString;
  readonly reason: string;
}

/** The names of a tree, sorted out; all lists are in walk order. */
export interface ClassifiedPaths {
  readonly trusted: readonly TrustedName[];
  readonly directoryLinks: readonly DirectoryLink[];
  readonly excluded: readonly ExcludedFile[];
  readonly ignoredLinks: readonly IgnoredLink[];
}

const unwritable = 'the name is not valid UTF-8, which TOML cannot hold';

/** Sorts out every name of a tree: what is trusted, what is a link to a directory, what is left out and why. */
export function classifyPaths(tree: FileTree, policy: TrustPolicy): ClassifiedPaths {
  const sorter = new NameSorter(tree, policy);
  for (const { path, node } of walkTree(tree)) {
    if (node.kind === 'file') sorter.addFile(path, node);
    else if (node.kind === 'symlink') sorter.addLink(path, node);
  }
  return sorter;
}

class NameSorter implements ClassifiedPaths {
  readonly trusted: TrustedName[] = [];
  readonly directoryLinks: DirectoryLink[] = [];
  readonly excluded: ExcludedFile[] = [];
  readonly ignoredLinks: IgnoredLink[] = [];
  readonly #tree: FileTree;
  readonly #policy: TrustPolicy;

  constructor(tree: FileTree, policy: TrustPolicy) {
    this.#tree = tree;
    this.#policy = policy;
  }

  addFile(path: ImagePath, node: FileNode): void {
    const rule = this.#policy.exclusionOf(path);
    const { sizeBytes, sha256 } = node;
    if (rule) {
      const { pattern, reason, origin } = rule;
      this.excluded.push({ path, sizeBytes, rule: pattern, reason, origin });
    } else if (textOfBytes(path) === undefined) {
      this.excluded.push({ path, sizeBytes, rule: 'names', reason: unwritable, origin: 'name' });
    } else this.trusted.push({ path, key: keyOf(path), sha256, sizeBytes });
  }

  /**
   * A link to an excluded file is left out as well: the name leads to content that changes at run time or should
   * not be there, so a hash would be wrong or would give it away.
   */
  addLink(path: ImagePath, node: SymlinkNode): void {
    const ignore = (kind: IgnoredLink['kind'], reason: string) =>
      this.ignoredLinks.push({ kind, path, target: node.target, reason });
    const rule = this.#policy.exclusionOf(path);
    if (rule) return void ignore('in-excluded-place', rule.reason);
    const found = resolvePath(this.#tree, path);
    if (found.kind !== 'found') {
      const placeRule = this.#policy.exclusionOf(found.at);
      if (placeRule && found.kind !== 'loop') return void ignore('to-excluded-place', placeRule.reason);
      return void ignore(found.kind === 'loop' ? 'loop' : 'dangling', showBytes(showFailure(found)));
    }
    const targetRule = this.#policy.exclusionOf(found.path);
    if (targetRule) return void ignore('to-excluded-place', targetRule.reason);
    if (found.node.kind === 'special') return void ignore('special', `it leads to a ${found.node.type}`);
    if (textOfBytes(path) === undefined) return void ignore('unwritable-name', unwritable);
    const key = keyOf(path);
    if (found.node.kind === 'directory') this.directoryLinks.push({ path, key, target: found.path });
    else if (found.node.kind === 'file') {
      const { sha256, sizeBytes } = found.node;
      this.trusted.push({ path, key, sha256, sizeBytes, via: found.path });
    }
  }
}
