import { GscError } from '../base/error.ts';
import { type ByteString, type ImagePath, imagePath, showBytes } from '../base/image-path.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { resolvePath } from '../tree/resolve-path.ts';

/** A line of /etc/passwd. passwd(5). */
export interface Account {
  readonly name: ByteString;
  readonly uid: number;
  readonly gid: number;
  readonly home: ByteString;
}

/** A line of /etc/group. group(5). */
export interface Group {
  readonly name: ByteString;
  readonly gid: number;
  /** Names of accounts. */
  readonly members: readonly ByteString[];
}

/** The image's own users; none if it has no /etc/passwd. Lines that are not accounts are skipped. */
export function readAccounts(tree: FileTree): readonly Account[] {
  return fieldsOf(tree, '/etc/passwd').flatMap(([name, , uid, gid, , home]) => {
    const [user, group] = [idOf(uid), idOf(gid)];
    if (!name || user === undefined || group === undefined) return [];
    return [{ name, uid: user, gid: group, home: home ?? '' }];
  });
}

/** The image's own groups; none if it has no /etc/group. */
export function readGroups(tree: FileTree): readonly Group[] {
  return fieldsOf(tree, '/etc/group').flatMap(([name, , gid, members = '']) => {
    const group = idOf(gid);
    return name && group !== undefined ? [{ name, gid: group, members: members.split(',') }] : [];
  });
}

/** The largest id that engines take: runc and Docker, `user.GetExecUser`, maxID. */
export const maximumId = 2 ** 31 - 1;

function idOf(text: ByteString | undefined): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined;
  const id = Number(text);
  return id <= 2 ** 32 - 1 ? id : undefined;
}

function fieldsOf(tree: FileTree, path: string): readonly (readonly ByteString[])[] {
  const found = resolvePath(tree, imagePath(path));
  if (found.kind !== 'found' || found.node.kind !== 'file') return [];
  if (found.node.content === undefined) throw contentMissing(path, found.path);
  const lines = found.node.content.toString('latin1').split('\n');
  return lines.map((line) => line.trim().split(':')).filter((fields) => fields.length > 2);
}

/** A file that is unusually large or is elsewhere; to take it for empty would give users the wrong ids. */
function contentMissing(path: string, realPath: ImagePath): GscError {
  return new GscError({
    code: 'user',
    subject: path,
    message: `the content of ${showBytes(realPath)} was not kept when the image was read`,
    hint: 'make /etc/passwd and /etc/group regular files of less than 1 MiB',
  });
}
