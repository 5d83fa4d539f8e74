import { hash } from 'node:crypto';
import { closeSync, constants, fstatSync, futimesSync, openSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cachedDataVersionTag } from 'node:v8';
import { Script } from 'node:vm';
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';
import { digestOfHex } from '../base/digest.ts';
import { systemErrorCode } from '../base/error.ts';
import { findCacheDirectory, isOursAlone, pathOfEntry } from '../store/cache/cache-directory.ts';
import { type CacheKey, openSealedEntry } from '../store/cache/cache-file.ts';

/** What V8 has compiled of gsc in this process, and where the cache keeps that for the next one. */
export interface CompiledCode {
  readonly key: CacheKey;
  /** True if the cache had it and V8 took it. */
  readonly isKnown: boolean;
  /** V8's version and settings, of which the code is; `cachedDataVersionTag` of `node:v8`. */
  readonly versionTag: number;
  serialize(): Buffer;
}

type Part = (code: CompiledCode | undefined) => void;

/**
 * Runs a part of the script that lies beside this module. Compiling the script takes longer than most commands do their work, so V8 is
 * given what a process with the same command has compiled before, if the cache has it.
 */
export function loadBundle(part: 'command' | 'scanThread'): void {
  const file = fileURLToPath(new URL(__GSC_SCRIPT__, import.meta.url));
  const bytes = readFileSync(file);
  const key = keyOfCode(bytes, ownWords());
  const cachedData = key && readCode(key);
  // The parameters of a CommonJS module.
  const source = `(function(exports,require,module,__filename,__dirname){${bytes.toString('latin1')}\n})`;
  const script = new Script(source, { filename: file, ...(cachedData && { cachedData }) });
  const module = { exports: {} as Record<typeof part, Part> };
  script.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file));
  const code = key && {
    key,
    isKnown: script.cachedDataRejected === false,
    versionTag: cachedDataVersionTag(),
    serialize: () => script.createCachedData(),
  };
  module.exports[part](code);
}

const wordsOfProcess = 'gsc: words of the command line';

/** The words of the command line; of a thread, those of the process, so that it gets the same code: undefined in a library's. */
function ownWords(): readonly string[] | undefined {
  if (isMainThread) setEnvironmentData(wordsOfProcess, process.argv.slice(2));
  return getEnvironmentData(wordsOfProcess) as readonly string[] | undefined;
}

const commandWord = /^[a-z][a-z-]*$/;

/**
 * Each command uses other code, and its help little of it. V8 compares no more of the script than its length, and of itself neither
 * processor nor how it was built. Undefined if the user wants no cache, or looks after it.
 */
function keyOfCode(script: Buffer, words: readonly string[] = ['--no-cache']): CacheKey | undefined {
  if (words.includes('--no-cache') || words.includes('-nc')) return undefined;
  const command = words.find((word, at) => !word.startsWith('-') && words[at - 1] !== '--progress') ?? '';
  if (command === 'cache') return undefined;
  const isHelp = words.some((word) => word === '--help' || word === '-h');
  const named = isHelp || !commandWord.test(command) ? '' : command;
  const state = [hash('sha256', script), process.version, process.arch, cachedDataVersionTag(), named];
  return { kind: 'code', digest: digestOfHex(hash('sha256', state.join('\n'))) };
}

/** As `BlobCache.get`, but at once; undefined if anything is not as it should be: then it is compiled. */
function readCode(key: CacheKey): Buffer | undefined {
  const root = findCacheDirectory(process.env);
  if (root === undefined) return undefined;
  let file: number | undefined;
  try {
    if (!isOursAlone(statSync(root))) return undefined;
    file = openSync(pathOfEntry(root, key), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const status = fstatSync(file);
    if (!status.isFile() || !isOursAlone(status)) return undefined;
    const sealed = readFileSync(file);
    noteUse(file);
    return openSealedEntry(key, sealed);
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** A cache that may only be read cannot note it. */
function noteUse(file: number): void {
  try {
    const now = new Date();
    futimesSync(file, now, now);
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
  }
}
