import { GscError } from '../base/error.ts';
import { bytesOfText, showBytes } from '../base/image-path.ts';
import { nearestName } from '../base/nearest-name.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { type Account, type Group, maximumId, readAccounts, readGroups } from './accounts.ts';

/** Who the application runs as. */
export interface ContainerUser {
  readonly uid: number;
  readonly gid: number;
  /** What engines set `HOME` to where the image does not: the account's home, `/` without an account. Bytes. */
  readonly home: string;
  /** What `getgroups()` gives in a container besides: the groups that list the account, where `USER` names no group. */
  readonly supplementaryGroups: readonly Group[];
}

/**
 * Reads `USER` (`name`, `uid`, `name:group`, `uid:gid`, …) as Docker and runc do (`user.GetExecUser`): numbers are ids
 * even where an account has such a name, a uid without an account has group 0, nothing at all is root. Throws a `user`
 * error for names that the image's own /etc/passwd and /etc/group do not have, and for numbers beyond 2^31 - 1.
 */
export function findUser(spec: string, tree: FileTree, subject: string): ContainerUser {
  const [userPart = '', groupPart = ''] = spec.split(':');
  const lookUp = { tree, subject, spec };
  const account = findAccount(userPart, lookUp);
  const gid = groupPart === '' ? account.gid : findGroup(groupPart, lookUp);
  const supplementaryGroups = groupPart === '' ? groupsOf(account, tree) : [];
  return { uid: account.uid, gid, home: account.home, supplementaryGroups };
}

function groupsOf({ name, gid }: Partial<Account>, tree: FileTree): readonly Group[] {
  if (name === undefined) return [];
  return readGroups(tree).filter((group) => group.gid !== gid && group.members.includes(name));
}

interface LookUp {
  readonly tree: FileTree;
  readonly subject: string;
  readonly spec: string;
}

const number = /^[+-]?\d+$/;

function findAccount(part: string, lookUp: LookUp): Omit<Account, 'name'> & Partial<Account> {
  const accounts = readAccounts(lookUp.tree);
  if (part === '' || number.test(part)) {
    const uid = part === '' ? 0 : checkId(part, 'user', lookUp);
    return accounts.find((account) => account.uid === uid) ?? { uid, gid: 0, home: '/' };
  }
  const name = bytesOfText(part);
  const found = accounts.find((account) => account.name === name);
  if (found) return { ...found, uid: checkId(String(found.uid), 'user', lookUp) };
  throw unknownName('user', name, { ...lookUp, names: accounts, file: '/etc/passwd' });
}

function findGroup(part: string, lookUp: LookUp): number {
  if (number.test(part)) return checkId(part, 'group', lookUp);
  const groups = readGroups(lookUp.tree);
  const name = bytesOfText(part);
  const found = groups.find((group) => group.name === name);
  if (found) return checkId(String(found.gid), 'group', lookUp);
  throw unknownName('group', name, { ...lookUp, names: groups, file: '/etc/group' });
}

function checkId(text: string, what: string, { subject, spec }: LookUp): number {
  const id = Number(text);
  if (id >= 0 && id <= maximumId) return id;
  throw new GscError({
    code: 'user',
    subject,
    message: `USER ${JSON.stringify(spec)}: expected a ${what} id from 0 to ${maximumId}, got ${text}`,
    hint: 'build the image with another USER',
  });
}

function unknownName(
  what: 'user' | 'group',
  name: string,
  context: LookUp & { readonly names: readonly (Account | Group)[]; readonly file: string },
): GscError {
  const nearest = nearestName(
    name,
    context.names.map((known) => known.name),
  );
  const suggestion = nearest === undefined ? '' : ` (there is ${showBytes(nearest)})`;
  return new GscError({
    code: 'user',
    subject: context.subject,
    message: `USER ${JSON.stringify(context.spec)}: the image's ${context.file} has no ${what} ${JSON.stringify(showBytes(name))}${suggestion}`,
    hint: `add the ${what} to the image, or give USER as a number`,
  });
}
