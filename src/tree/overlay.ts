import { type ByteString, childOf, type ImagePath, rootPath } from '../base/image-path.ts';
import type { Ownership } from './entry.ts';
import type { DirectoryNode, TreeNode } from './file-tree.ts';
import { impliedOwnership, type UpperDirectory } from './upper-directory.ts';

/** A directory while layers are merged into it; what leaves `mergeLayers` is seen as a {@link DirectoryNode}. */
export interface DirectoryBuilder extends DirectoryNode {
  mode: number;
  uid: number;
  gid: number;
  layer: number;
  readonly children: Map<ByteString, TreeNode>;
}

/** Gives a directory of the tree that is merged so far, or a copy of it: one that may be changed. */
export type OwnDirectory = (directory: DirectoryNode) => DirectoryBuilder;

/** What tools that unpack a layer over those below take differently from engines that lay it over them. */
export type Disagreement =
  /** The layer has entries below what is a link in a lower one: followed by some, hidden by a new directory with others. */
  | { readonly kind: 'link'; readonly path: ImagePath; readonly target: ByteString }
  /** The layer removes or replaces a directory, then gives it again: with some the lower content is gone, others show it. */
  | { readonly kind: 'return'; readonly path: ImagePath };

/** A directory of the layer that has nothing below it to merge with: it is not copied. */
function takenOver({ children }: UpperDirectory, layer: number): DirectoryBuilder {
  // What is no part of a tree yet is replaced one by one.
  return { kind: 'directory', ...impliedOwnership, layer, children: children as Map<ByteString, TreeNode> };
}

/** An empty directory, by default one that `layer` implies without its own entry. */
export function newDirectory(
  layer: number,
  { mode, uid, gid }: Ownership = impliedOwnership,
): DirectoryBuilder {
  return { kind: 'directory', mode, uid, gid, layer, children: new Map() };
}

/**
 * Lays what one layer unpacks to over the layers below, as overlay file systems do: a directory merges with one of the same
 * name unless it is opaque; everything else replaces what is below. Changes `root`, and of what is below it what `own` lets it
 * change. Gives what tools disagree about.
 */
export function overlay(
  root: DirectoryBuilder,
  upperRoot: UpperDirectory,
  layer: number,
  own: OwnDirectory,
): readonly Disagreement[] {
  const disagreements: Disagreement[] = [];
  const pending = [{ path: rootPath, lower: root, upper: upperRoot }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { path: parent, lower, upper } = next;
    const isTaken = upper.children === lower.children;
    if (upper.isOpaque && !isTaken) lower.children.clear();
    takeOwnership(lower, upper, layer);
    for (const [name, node] of upper.children) {
      const below = isTaken ? undefined : lower.children.get(name);
      if (node.kind === 'whiteout') {
        lower.children.delete(name);
      } else if (node.kind !== 'directory') {
        if (!isTaken) lower.children.set(name, node);
      } else {
        const path = childOf(parent, name);
        disagreements.push(...disagreementOn(path, node, below));
        const merged = below?.kind === 'directory' ? own(below) : takenOver(node, layer);
        lower.children.set(name, merged);
        pending.push({ path, lower: merged, upper: node });
      }
    }
  }
  return disagreements;
}

/** The metadata of the directory itself, where the layer gives them. */
function takeOwnership(lower: DirectoryBuilder, { ownership }: UpperDirectory, layer: number): void {
  if (ownership === undefined) return;
  lower.mode = ownership.mode;
  lower.uid = ownership.uid;
  lower.gid = ownership.gid;
  lower.layer = layer;
}

function disagreementOn(
  path: ImagePath,
  { isImpliedFirst, followsOther, isOpaque }: UpperDirectory,
  below: TreeNode | undefined,
): readonly Disagreement[] {
  if (isImpliedFirst && below?.kind === 'symlink') return [{ kind: 'link', path, target: below.target }];
  const isMerged = followsOther && !isOpaque && below?.kind === 'directory' && below.children.size > 0;
  return isMerged ? [{ kind: 'return', path }] : [];
}
