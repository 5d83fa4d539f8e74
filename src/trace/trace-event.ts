import type { ByteString } from '../base/image-path.ts';

/** What a system call did, as far as names of files depend on it. Numbers of descriptors are those of the process. */
export type TraceEvent =
  /** `descriptor` is undefined where the call has failed. `from` is the directory's descriptor; without one the working directory. */
  | {
      readonly kind: 'open';
      readonly name: ByteString;
      readonly from?: number;
      readonly writes: boolean;
      readonly descriptor: number | undefined;
    }
  /** A call that may take long: its result comes with {@link TraceEvent} `returned`. */
  | {
      readonly kind: 'started';
      readonly call: string;
      readonly event: TraceEvent | undefined;
      /** It makes a process, and not a thread of the same one. */
      readonly makesProcess: boolean;
    }
  | { readonly kind: 'returned'; readonly call: string; readonly result: number }
  | { readonly kind: 'execute'; readonly name: ByteString }
  | { readonly kind: 'change-directory'; readonly name: ByteString }
  | { readonly kind: 'change-directory-to'; readonly descriptor: number }
  | { readonly kind: 'duplicate'; readonly descriptor: number; readonly result: number }
  | { readonly kind: 'close'; readonly descriptor: number };

/** Gramine, libos_parser.c: `---- NAME(ARGUMENTS) = RESULT`, or in two messages where the call may take long. */
const pattern = /^---- (return from )?(\w+)\((.*)\)(?: = (-?\w+))?( \.\.\.)?$/s;

/** Names in quotes are not escaped: they may hold quotes and commas, and so reach to the last one that what follows allows. */
const openArguments = /^"(.*)", (O_\w+[^"]*|\|?0x[\da-f]+[^"]*)$/s;
const openAtArguments = /^(AT_FDCWD|-?\d+), "(.*)", (O_\w+[^"]*|\|?0x[\da-f]+[^"]*)$/s;
const executeArguments = /^"(.*?)", \[/s;
const nameArgument = /^"(.*)"$/s;
const making = new Set(['clone', 'fork', 'vfork']);
const duplicating = /^(\d+), F_DUPFD/;

/** Reads a message; undefined for a call that names no file, and for one that has failed unless it says so itself. */
export function readTraceEvent(text: ByteString): TraceEvent | undefined {
  const [whole, returns, call = '', given = '', resultText, dots] = pattern.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const result = resultText === undefined ? undefined : Number(resultText);
  if (result !== undefined && Number.isNaN(result)) return undefined;
  if (returns !== undefined) return result === undefined ? undefined : { kind: 'returned', call, result };
  if (dots !== undefined) {
    const makesProcess = making.has(call) && !given.includes('CLONE_THREAD');
    return { kind: 'started', call, event: readCall(call, given, undefined), makesProcess };
  }
  return readCall(call, given, result);
}

function readCall(call: string, given: ByteString, result: number | undefined): TraceEvent | undefined {
  const opened = readOpen(call, given, result);
  if (opened !== undefined) return opened;
  if (result !== undefined && result < 0) return undefined;
  switch (call) {
    case 'execve': {
      const name = executeArguments.exec(given)?.[1];
      return name === undefined ? undefined : { kind: 'execute', name };
    }
    case 'chdir': {
      const name = nameArgument.exec(given)?.[1];
      return name === undefined ? undefined : { kind: 'change-directory', name };
    }
    case 'fchdir':
      return { kind: 'change-directory-to', descriptor: Number.parseInt(given, 10) };
    case 'close':
      return { kind: 'close', descriptor: Number.parseInt(given, 10) };
    case 'dup':
    case 'dup2':
    case 'dup3':
      return duplicate(given, result);
    case 'fcntl':
      return duplicating.test(given) ? duplicate(given, result) : undefined;
  }
  return undefined;
}

function readOpen(call: string, given: ByteString, result: number | undefined): TraceEvent | undefined {
  const descriptor = result === undefined || result < 0 ? undefined : result;
  if (call === 'open') {
    const [, name, flags = ''] = openArguments.exec(given) ?? [];
    return name === undefined ? undefined : { kind: 'open', name, writes: writesBy(flags), descriptor };
  }
  if (call !== 'openat') return undefined;
  const [, from, name, flags = ''] = openAtArguments.exec(given) ?? [];
  if (name === undefined || from === undefined) return undefined;
  const common = { kind: 'open', name, writes: writesBy(flags), descriptor } as const;
  return from === 'AT_FDCWD' ? common : { ...common, from: Number(from) };
}

/** What is opened for writing cannot be trusted; what is made was not there. */
function writesBy(flags: string): boolean {
  return /O_WRONLY|O_RDWR|O_CREAT|O_TRUNC/.test(flags);
}

function duplicate(given: ByteString, result: number | undefined): TraceEvent | undefined {
  return result === undefined
    ? undefined
    : { kind: 'duplicate', descriptor: Number.parseInt(given, 10), result };
}
