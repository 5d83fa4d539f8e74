import { createHash, type Hash } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { readdir, statfs } from 'node:fs/promises';
import { type Digest, finishDigest } from '../base/digest.ts';
import { systemErrorCode } from '../base/error.ts';

/** Time stamps of file systems are coarser than clocks: by some milliseconds for most. */
const settlingNanoseconds = 2_000_000_000n;

/**
 * Types of file systems whose kernel notes the time of each change by itself: ext2 to ext4, XFS, Btrfs, F2FS, ZFS. Not network
 * file systems, whose status may be an older one, nor tmpfs, which notes no change by a mapping (mmap) of a page that was changed
 * before, nor those that are made as a whole with whatever times. statfs(2).
 */
const keepTimesOfChange: ReadonlySet<number> = new Set([
  0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x2fc12fc1,
]);

/**
 * A digest of the names below a directory of the host, or of a file, and of what the kernel says about each: inode, size, owner, mode,
 * times. As long as it stays the same no content has changed, for no program can set the time of a change. As in git's index,
 * a change within the last moment does not show: undefined if something has changed just before `now`, if something cannot be
 * listed, and on file systems on which this does not hold. Contents are not read.
 */
export async function directoryStatus(path: string, now: Date): Promise<Digest | undefined> {
  const settledBefore = BigInt(now.getTime()) * 1_000_000n - settlingNanoseconds;
  const survey = { hash: createHash('sha256'), settledBefore };
  try {
    return (await isSettled(Buffer.from(path), survey, undefined)) ? finishDigest(survey.hash) : undefined;
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return undefined;
  }
}

interface Survey {
  readonly hash: Hash;
  readonly settledBefore: bigint;
}

/** Adds what is at a path and below; false as soon as something is too new, or says nothing about changes. */
async function isSettled(path: Buffer, survey: Survey, parentDevice: bigint | undefined): Promise<boolean> {
  // Waiting for each would take longer than all calls together.
  const status = lstatSync(path, { bigint: true });
  const { dev, ino, mode, nlink, uid, gid, rdev, size, mtimeNs, ctimeNs } = status;
  if (ctimeNs > survey.settledBefore) return false;
  if (parentDevice !== dev && !keepTimesOfChange.has((await statfs(path)).type)) return false;
  const facts = [dev, ino, mode, nlink, uid, gid, rdev, size, mtimeNs, ctimeNs].join(' ');
  survey.hash.update(path).update(`\0${facts}\n`);
  if (!status.isDirectory()) return true;
  const names = await readdir(path, { encoding: 'buffer' });
  for (const name of names.sort(Buffer.compare)) {
    const below = Buffer.concat([path, Buffer.from('/'), name]);
    if (!(await isSettled(below, survey, dev))) return false;
  }
  return true;
}
