import {
  type ByteString,
  childOf,
  type ImagePath,
  imagePath,
  parentOf,
  showBytes,
} from '../base/image-path.ts';
import { readAccounts } from '../start/accounts.ts';
import type { DirectoryNode, FileTree, SymlinkNode, TreeNode } from '../tree/file-tree.ts';
import { sortedNames, walkTree } from '../tree/walk-tree.ts';
import { isBaseSystem } from './base-system.ts';

/** What speaks for a program writing to a directory, the strongest first. */
export const writeSigns = [
  'standard-stream',
  'user',
  'service',
  'everybody',
  'group',
  'log',
  'state',
  'spool',
  'cache',
] as const;

export type WriteSign = (typeof writeSigns)[number];

/** A directory to which the programs of an image will probably want to write. */
export interface WritePlace {
  readonly path: ImagePath;
  /** The strongest sign. */
  readonly sign: WriteSign;
  readonly uid: number;
  readonly gid: number;
  /** The account of the owner, if /etc/passwd has it. */
  readonly owner?: ByteString;
  /** Of the image, at any depth. */
  readonly fileCount: number;
  /** How many of them are trusted: storage of the enclave's own would hide them. */
  readonly trustedCount: number;
  /** Links in it to the standard streams, which do not work inside: opening them is refused. */
  readonly streamLinks: readonly StreamLink[];
}

export interface StreamLink {
  readonly path: ImagePath;
  readonly target: ByteString;
}

export interface WritePlaceOptions {
  readonly tree: FileTree;
  /** Who the application runs as. */
  readonly user: { readonly uid: number; readonly gid: number };
  /** Real paths of the trusted files. */
  readonly trusted: ReadonlySet<ImagePath>;
}

/** Where programs keep changing data, by the Filesystem Hierarchy Standard 3.0, chapter 5: a directory below for each. */
const wellKnown: Readonly<Record<string, WriteSign>> = {
  '/var/log': 'log',
  '/var/lib': 'state',
  '/var/spool': 'spool',
  '/var/cache': 'cache',
};

/**
 * Finds the topmost directories that look as if programs wrote there, from owners, modes, well-known places and links to
 * the standard streams: the strongest signs first, of equal ones in walk order. Links are not followed.
 */
export function likelyWrittenDirectories(options: WritePlaceOptions): readonly WritePlace[] {
  const finder = new PlaceFinder(options);
  finder.visit(imagePath('/'), options.tree.root);
  return writeSigns.flatMap((sign) => finder.places.filter((place) => place.sign === sign));
}

interface Counts {
  readonly fileCount: number;
  readonly trustedCount: number;
}

class PlaceFinder {
  readonly places: WritePlace[] = [];
  readonly #options: WritePlaceOptions;
  /** The first account of each user. */
  readonly #accounts: ReadonlyMap<number, ByteString>;
  readonly #counts = new Map<DirectoryNode, Counts>();
  readonly #streamLinks = new Map<ImagePath, StreamLink[]>();

  constructor(options: WritePlaceOptions) {
    this.#options = options;
    // Of several entries of a map the last one stays.
    this.#accounts = new Map(
      readAccounts(options.tree)
        .map(({ uid, name }) => [uid, name] as const)
        .reverse(),
    );
    for (const { path, node } of walkTree(options.tree)) {
      if (node.kind === 'symlink' && leadsToStream(node)) this.#addStreamLink(path, node.target);
    }
    this.#count(imagePath('/'), options.tree.root);
  }

  /** Below a place nothing more is looked for, except where it holds trusted files and so cannot be decided as a whole. */
  visit(path: ImagePath, node: DirectoryNode, isOutermost = true): void {
    const sign = this.#signOf(path, node, isOutermost);
    if (sign !== undefined) this.places.push(this.#placeOf(path, node, sign));
    const isDone = sign !== undefined && this.#counts.get(node)?.trustedCount === 0;
    if (isDone || isBaseSystem(path)) return;
    for (const name of sortedNames(node)) {
      const child = node.children.get(name);
      if (child?.kind === 'directory')
        this.visit(childOf(path, name), child, isOutermost && sign === undefined);
    }
  }

  #signOf(path: ImagePath, node: DirectoryNode, isOutermost: boolean): WriteSign | undefined {
    if (path === '/' || isBaseSystem(path)) return undefined;
    const { user } = this.#options;
    if (this.#streamLinks.has(path)) return 'standard-stream';
    const mayOwn = isOutermost || this.#counts.get(node)?.trustedCount === 0;
    if (mayOwn && node.uid === user.uid && user.uid !== 0 && (node.mode & 0o200) !== 0) return 'user';
    if (mayOwn && (node.mode & 0o002) !== 0) return 'everybody';
    if (mayOwn && node.gid === user.gid && user.gid !== 0 && (node.mode & 0o020) !== 0) return 'group';
    const holdsTrusted = this.#counts.get(node)?.trustedCount !== 0;
    if (holdsTrusted) return undefined;
    if (node.uid !== 0 && node.uid !== user.uid && !path.startsWith('/etc/')) return 'service';
    return wellKnown[parentOf(path)];
  }

  #placeOf(path: ImagePath, node: DirectoryNode, sign: WriteSign): WritePlace {
    const owner = this.#accounts.get(node.uid);
    return {
      path,
      sign,
      uid: node.uid,
      gid: node.gid,
      ...(owner !== undefined && { owner }),
      ...(this.#counts.get(node) ?? { fileCount: 0, trustedCount: 0 }),
      streamLinks: this.#streamLinks.get(path) ?? [],
    };
  }

  #addStreamLink(path: ImagePath, target: ByteString): void {
    const links = this.#streamLinks.get(parentOf(path));
    if (links) links.push({ path, target });
    else this.#streamLinks.set(parentOf(path), [{ path, target }]);
  }

  #count(path: ImagePath, node: TreeNode): Counts {
    if (node.kind === 'file') {
      return { fileCount: 1, trustedCount: this.#options.trusted.has(path) ? 1 : 0 };
    }
    let [fileCount, trustedCount] = [0, 0];
    if (node.kind !== 'directory') return { fileCount, trustedCount };
    for (const [name, child] of node.children) {
      const below = this.#count(childOf(path, name), child);
      fileCount += below.fileCount;
      trustedCount += below.trustedCount;
    }
    this.#counts.set(node, { fileCount, trustedCount });
    return { fileCount, trustedCount };
  }
}

/** The habit of many images, so that logs go to the engine. Those in /dev itself are the engine's. */
function leadsToStream({ target }: SymlinkNode): boolean {
  return /^\/(dev\/(stdout|stderr|stdin|fd\/[012])|proc\/self\/fd\/[012])$/.test(target);
}

const signTexts: Readonly<Record<WriteSign, (place: WritePlace) => string>> = {
  'standard-stream': () => 'links to standard streams',
  user: () => 'belongs to the user that the application runs as',
  service: ({ uid, owner }) => `belongs to ${owner === undefined ? `uid ${uid}` : showBytes(owner)}`,
  everybody: () => 'it is world-writable',
  group: () => 'the group of the application may write to it',
  log: () => 'a log directory',
  state: () => 'a state directory',
  spool: () => 'a spool directory',
  cache: () => 'a cache directory',
};

/** Why programs may want to write to a place. */
export function showWriteSign(place: WritePlace): string {
  return signTexts[place.sign](place);
}
