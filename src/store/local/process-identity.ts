import { createHash } from 'node:crypto';
import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { systemErrorCode } from '../../base/error.ts';

/** A process, so that another one can tell later whether it still runs. */
export interface ProcessIdentity {
  /** Where process ids count: the machine since its start, and the container. 8 hex digits. */
  readonly space: string;
  readonly pid: number;
  /** When it began, in clock ticks since boot; 0 where the system does not tell. A later process may get the same pid. */
  readonly startTicks: number;
}

/** This process. */
export async function ownIdentity(): Promise<ProcessIdentity> {
  return { space: await ownSpace(), pid: process.pid, startTicks: (await startTicksOf(process.pid)) ?? 0 };
}

/** Whether a process still runs; `unknown` for one of another machine or container. */
export async function processStatus(other: ProcessIdentity): Promise<'alive' | 'dead' | 'unknown'> {
  if (other.space !== (await ownSpace())) return 'unknown';
  if (!isRunning(other.pid)) return 'dead';
  const startTicks = await startTicksOf(other.pid);
  return startTicks === undefined || startTicks === other.startTicks ? 'alive' : 'dead';
}

async function ownSpace(): Promise<string> {
  const parts = [
    hostname(),
    await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => ''),
    await readlink('/proc/self/ns/pid').catch(() => ''),
  ];
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 8);
}

/** Field 22 of /proc/PID/stat, after the name in parentheses, which may hold anything. proc(5). */
async function startTicksOf(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  const field = text?.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  return field === undefined ? undefined : Number(field);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) !== 'ESRCH';
  }
}
