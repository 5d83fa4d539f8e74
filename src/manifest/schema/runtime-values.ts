import { bytesOfText, imagePath, showBytes } from '../../base/image-path.ts';
import { isAtLeast, type Release } from '../../runtime/version.ts';
import { isArray, isTable, type KeyPath, type TomlTable, type TomlValue } from '../toml/toml.ts';
import { type Finding, showValue } from './problem.ts';

/** A way to values: `*` stands for every key of a table and every element of an array. */
type PathPattern = string;

/** Integers that Gramine refuses outside of a range, both ends included. Gramine 1.9, loader and library OS. */
const ranges: readonly (readonly [PathPattern, bigint, bigint])[] = [
  ['sgx.max_threads', 1n, 4096n],
  ['sgx.thread_num', 1n, 4096n],
  ['sgx.insecure__rpc_thread_num', 0n, 256n],
  // 16-bit fields of SIGSTRUCT. SDM vol. 3D, 38.13.
  ['sgx.isvprodid', 0n, 65535n],
  ['sgx.isvsvn', 0n, 65535n],
  ['sgx.profile.frequency', 1n, 250n],
  ['loader.uid', 0n, 0xffffffffn],
  ['loader.gid', 0n, 0xffffffffn],
  ['sys.fds.limit', 0n, 0xffffffffn],
];

interface PatternRule {
  readonly path: PathPattern;
  readonly pattern: RegExp;
  readonly expected: string;
  readonly hint?: string | ((value: string) => string);
  readonly since?: Release;
}

const hexDigits = (count: number): Omit<PatternRule, 'path'> => ({
  pattern: new RegExp(`^[0-9a-fA-F]{${count}}$`),
  expected: `${count} hex digits`,
});

const mask = (count: number): Omit<PatternRule, 'path'> => ({
  pattern: new RegExp(`^0x[0-9a-fA-F]{${count}}$`),
  expected: `0x and exactly ${count} hex digits`,
});

const fileUri: Omit<PatternRule, 'path'> = {
  pattern: /^file:/,
  expected: 'a URI that starts with file:',
  hint: 'write file: before the path',
};

const size: Omit<PatternRule, 'path'> = {
  pattern: /^0*[1-9]\d*[KMGkmg]?$/,
  expected: 'a size: decimal digits and at most one of K, M, G',
  hint: 'write it as in "512K"',
};

/** Texts that Gramine refuses unless they match. */
const patterns: readonly PatternRule[] = [
  { path: 'loader.entrypoint', ...fileUri },
  { path: 'loader.entrypoint.uri', ...fileUri },
  { path: 'loader.entrypoint.sha256', ...hexDigits(64) },
  { path: 'loader.argv_src_file', ...fileUri },
  { path: 'loader.env_src_file', ...fileUri },
  {
    path: 'libos.entrypoint',
    pattern: /^(?!file:)./s,
    expected: 'a path inside the image, without file:',
    hint: 'write the path alone',
  },
  { path: 'sgx.trusted_files.*', ...fileUri },
  { path: 'sgx.trusted_files.*.uri', ...fileUri },
  { path: 'sgx.trusted_files.*.sha256', ...hexDigits(64) },
  {
    path: 'sgx.allowed_files.*',
    pattern: /^(?:file|dev):/,
    expected: 'a URI that starts with file: or dev:',
    hint: 'write file: before the path',
  },
  { path: 'sgx.seal_key.flags_mask', ...mask(16) },
  { path: 'sgx.seal_key.xfrm_mask', ...mask(16) },
  { path: 'sgx.seal_key.misc_mask', ...mask(8) },
  { path: 'fs.insecure__keys.*', ...hexDigits(32) },
  { path: 'sys.brk.max_size', ...size },
  { path: 'sys.stack.size', ...size },
  { path: 'loader.pal_internal_mem_size', ...size },
  {
    path: 'fs.mounts.*.path',
    pattern: /^\/(?!\/*$)/,
    expected: 'an absolute path other than /',
    hint: (path) =>
      /^\/*$/.test(path)
        ? 'the root is mounted with fs.root'
        : `write ${showBytes(imagePath(bytesOfText(path)))}`,
    since: '1.5',
  },
];

/** Values that the schema lets pass and Gramine refuses at start, each by itself. */
export function findRefusedValues(root: TomlTable, release: Release): readonly Finding[] {
  const findings: Finding[] = [];
  for (const [path, least, most] of ranges) {
    for (const [where, value] of select(root, path)) {
      const isInteger = typeof value === 'bigint';
      if (isInteger ? value >= least && value <= most : typeof value !== 'boolean') continue;
      findings.push({
        path: where,
        message: `expected an integer from ${least} to ${most}, got ${showValue(value)}`,
      });
    }
  }
  for (const rule of patterns) {
    if (rule.since && !isAtLeast(release, rule.since)) continue;
    for (const [path, value] of select(root, rule.path)) {
      if (typeof value !== 'string' || rule.pattern.test(value)) continue;
      const { expected } = rule;
      const hint = typeof rule.hint === 'function' ? rule.hint(value) : rule.hint;
      findings.push({
        path,
        message: `expected ${expected}, got ${showValue(value)}`,
        ...(hint && { hint }),
      });
    }
  }
  return findings;
}

/** Every value at the places that `pattern` names, with its path. */
export function* select(root: TomlTable, pattern: PathPattern): Iterable<readonly [KeyPath, TomlValue]> {
  yield* selectBelow(root, pattern.split('.'), []);
}

/** Arrays may hold tens of thousands of trusted files: one generator for each table in them, none for each value. */
function* selectBelow(
  value: TomlValue,
  pattern: readonly string[],
  path: KeyPath,
): Iterable<readonly [KeyPath, TomlValue]> {
  const isLast = path.length === pattern.length - 1;
  for (const [key, item] of childrenOf(value, pattern[path.length] ?? '')) {
    if (isLast) yield [[...path, key], item];
    else yield* selectBelow(item, pattern, [...path, key]);
  }
}

function childrenOf(value: TomlValue, key: string): Iterable<readonly [string | number, TomlValue]> {
  if (isTable(value)) {
    const item = value.get(key);
    if (key === '*') return value;
    return item === undefined ? [] : [[key, item]];
  }
  return key === '*' && isArray(value) ? value.entries() : [];
}
