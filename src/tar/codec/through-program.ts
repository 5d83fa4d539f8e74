import { type ChildProcess, spawn } from 'node:child_process';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GscError, systemErrorCode } from '../../base/error.ts';
import type { ByteStream } from '../../image/image.ts';
import { compressedDataError, outOfMemory, unfitCompression } from './compressed-data-error.ts';

/** A program that decompresses its standard input to its standard output. */
interface Decompressor {
  readonly parameters: readonly string[];
  /** As Debian and Ubuntu call it. */
  readonly package: string;
}

/** xz takes as much memory as the data's dictionary has, up to 4 GiB; `xz -9` and rpm make 64 MiB. */
const decompressors = {
  xz: { parameters: ['--decompress', '--stdout', '--memlimit-decompress=256MiB'], package: 'xz-utils' },
  bzip2: { parameters: ['--decompress', '--stdout'], package: 'bzip2' },
} as const satisfies Record<string, Decompressor>;

export type DecompressorName = keyof typeof decompressors;

/** What a program has to say is short; more than this is not kept. */
const keptErrorBytes = 4096;

/**
 * What the system's program makes of compressed data: any number of streams one after another, every check sum verified. The
 * program ends when the consumer stops. Throws a `tar` error on damage and on anything after the data, `unreadable` if the
 * program is not installed; errors of the source pass unchanged.
 */
export async function* throughProgram(
  source: ByteStream,
  name: DecompressorName,
  subject: string,
): ByteStream {
  const input = Readable.from(source);
  const child = spawn(name, decompressors[name].parameters, { stdio: 'pipe' });
  const ended = endOf(child);
  const complaint = collectComplaint(child);
  const fed = pipeline(input, child.stdin).catch((error: unknown) => error);
  try {
    yield* child.stdout as AsyncIterable<Buffer>;
    const [status, sourceError] = await Promise.all([ended, fed]);
    if (status instanceof Error) throw programError(name, subject, status);
    // The program may end before it has read all: then its own word says why.
    if (sourceError !== undefined && !isBrokenPipe(sourceError)) throw sourceError;
    if (status !== 0 || isTrailing(complaint())) throw failure(name, subject, { status, text: complaint() });
  } finally {
    input.destroy();
    child.kill('SIGKILL');
    await Promise.all([ended, fed]);
  }
}

/** The exit code, null if a signal ended the program, or the error that kept it from starting. */
function endOf(child: ChildProcess): Promise<number | null | Error> {
  return new Promise((resolve) => {
    child.on('error', resolve);
    child.on('close', (status) => resolve(status));
  });
}

function collectComplaint(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.on('data', (piece: Buffer) => {
    if (text.length < keptErrorBytes) text += piece.toString('latin1');
  });
  return () => text.trim();
}

function isBrokenPipe(error: unknown): boolean {
  return ['EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'].includes(systemErrorCode(error) ?? '');
}

/** bzip2 skips what it does not understand after the data, and ends with 0. */
function isTrailing(complaint: string): boolean {
  return complaint.includes('trailing garbage');
}

function failure(
  name: DecompressorName,
  subject: string,
  { status, text }: { readonly status: number | null; readonly text: string },
): GscError {
  const [complaint = ''] = text.split('\n', 1);
  // BusyBox has an xz that knows no limit of memory.
  if (/(?:unrecognized|invalid|unknown) option/.test(complaint))
    return programError(name, subject, complaint);
  if (/memory usage limit/i.test(complaint)) return tooMuchMemory(name, subject);
  if (/cannot allocate memory|out of memory|couldn't allocate/i.test(complaint))
    return outOfMemory(subject, complaint);
  const ending = status === null ? 'it was ended by a signal' : `it ended with ${status}`;
  return compressedDataError(subject, `${name} says: ${complaint || ending}`);
}

function tooMuchMemory(name: DecompressorName, subject: string): GscError {
  const how = `${name} with a dictionary that takes more than 256 MiB of memory`;
  return unfitCompression(subject, how, 'compress it again with a smaller one: xz -9 or less');
}

function programError(name: DecompressorName, subject: string, cause: Error | string): GscError {
  const isMissing = systemErrorCode(cause) === 'ENOENT';
  const reason = isMissing
    ? 'is not installed'
    : `cannot be used: ${cause instanceof Error ? cause.message : cause}`;
  return new GscError({
    code: 'unreadable',
    subject,
    message: `compressed with ${name}, and the program ${name}, which decompresses it, ${reason}`,
    hint: `install ${name} (on Debian and Ubuntu: apt-get install ${decompressors[name].package})`,
    cause,
  });
}
