import { existsSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { withLock } from '../../../src/store/local/lock-file.ts';
import { ownIdentity, processStatus } from '../../../src/store/local/process-identity.ts';
import { cleanLeftovers, createTemporaryFile } from '../../../src/store/local/temporary-file.ts';
import { scratchDirectory } from '../../support/store/scratch.ts';

const scratch = scratchDirectory();
let directory = '';
let path = '';

beforeEach(async () => {
  directory = await mkdtemp(join(scratch, 'lock-'));
  path = join(directory, '.gsc-lock.tmp');
});

/** No system gives such a process id: the limit of Linux is 2^22. proc(5), pid_max. */
const deadPid = 2 ** 22 + 1;

function lockOf(owner: object): void {
  writeFileSync(path, JSON.stringify({ startTicks: 1, token: 'abc', ...owner }));
}

describe('a lock', () => {
  test('lets one in at a time and leaves nothing behind', async () => {
    let inside = 0;
    const enter = () =>
      withLock(path, async () => {
        expect(++inside).toBe(1);
        await sleep(5);
        inside--;
      });
    await Promise.all(Array.from({ length: 8 }, enter));
    expect(readdirSync(directory)).toEqual([]);
  });

  test('is given back when the work fails', async () => {
    await expect(withLock(path, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await withLock(path, async () => 1)).toBe(1);
  });

  test('of a dead process is broken, by one of many who find it', async () => {
    const { space } = await ownIdentity();
    lockOf({ space, pid: deadPid });
    let inside = 0;
    const enter = () =>
      withLock(path, async () => {
        expect(++inside).toBe(1);
        await sleep(5);
        inside--;
      });
    await Promise.all(Array.from({ length: 8 }, enter));
    expect(readdirSync(directory)).toEqual([]);
  });

  test('of a process whose pid another one has now is broken', async () => {
    const { space, pid, startTicks } = await ownIdentity();
    lockOf({ space, pid, startTicks: startTicks + 1 });
    expect(await withLock(path, async () => 1)).toBe(1);
  });

  test('of a living process is waited for, but not for ever', async () => {
    lockOf(await ownIdentity());
    await expect(withLock(path, async () => 1, { patienceMilliseconds: 100 })).rejects.toMatchObject({
      code: 'unwritable',
      message: expect.stringContaining(`pid ${process.pid}`),
    });
    expect(existsSync(path)).toBe(true);
  });

  test('of another machine is kept until it is old', async () => {
    lockOf({ space: 'ffffffff', pid: 1 });
    await expect(withLock(path, async () => 1, { patienceMilliseconds: 100 })).rejects.toMatchObject({
      code: 'unwritable',
    });
    const old = new Date(Date.now() - 11 * 60 * 1000);
    utimesSync(path, old, old);
    expect(await withLock(path, async () => 1)).toBe(1);
  });

  test.each(['', 'text', '{}', '{"space":"a","pid":1,"startTicks":1,"token":"../x"}'])(
    'file with the content %j is not ours, and stays',
    async (text) => {
      writeFileSync(path, text);
      await expect(withLock(path, async () => 1)).rejects.toMatchObject({
        code: 'unwritable',
        subject: path,
      });
      expect(existsSync(path)).toBe(true);
    },
  );

  test('stops waiting on request', async () => {
    lockOf(await ownIdentity());
    await expect(withLock(path, async () => 1, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'aborted',
    });
  });
});

describe('leftovers', () => {
  const random = '0123456789ab';

  test('of dead processes go, those of living ones stay, unknown ones go after a day', async () => {
    const { space, pid, startTicks } = await ownIdentity();
    const names = {
      dead: `.gsc-${space}-${deadPid}-1-${random}.tmp`,
      alive: `.gsc-${space}-${pid}-${startTicks}-${random}.tmp`,
      unknown: `.gsc-ffffffff-${pid}-1-${random}.tmp`,
      old: `.gsc-ffffffff-${pid}-2-${random}.tmp`,
      oldBreak: `.gsc-break-ffffffff-${pid}-2-${random}.tmp`,
      others: '.other.tmp',
    };
    for (const name of Object.values(names)) writeFileSync(join(directory, name), '');
    const yesterday = new Date(Date.now() - 25 * 60 * 60 * 1000);
    for (const name of [names.old, names.oldBreak, names.others])
      utimesSync(join(directory, name), yesterday, yesterday);
    const fresh = await createTemporaryFile(directory);
    await cleanLeftovers(directory, fresh.file);
    await fresh.file.close();
    const kept = readdirSync(directory).filter((name) => !fresh.path.endsWith(name));
    expect(kept.sort()).toEqual([names.alive, names.unknown, names.others].sort());
  });

  test('the fate of a process is known only on its own machine', async () => {
    const own = await ownIdentity();
    expect(await processStatus(own)).toBe('alive');
    expect(await processStatus({ ...own, pid: deadPid })).toBe('dead');
    expect(await processStatus({ ...own, startTicks: 1 })).toBe('dead');
    expect(await processStatus({ ...own, space: 'ffffffff' })).toBe('unknown');
  });
});
