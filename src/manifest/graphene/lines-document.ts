import { GscError } from '../../base/error.ts';
import { parseSignerInteger } from '../schema/size.ts';
import { isTable, type KeyPath, type TomlDocument, type TomlValue } from '../toml/toml.ts';

/** Of texts, what their first character is counts: `1` is on. Graphene v1.1, Documentation/manifest-syntax.rst and its readers. */
const switches: ReadonlySet<string> = new Set([
  'loader.insecure__disable_aslr',
  'net.port.rebase_on_lo',
  'sys.insecure__allow_eventfd',
  ...[
    'allow_file_creation',
    'debug',
    'enable_stats',
    'ra_client_linkable',
    'require_avx',
    'require_avx512',
    'require_mpx',
    'static_address',
    'support_exinfo',
    'zero_heap_on_demand',
  ].map((name) => `sgx.${name}`),
]);

/** On with any value, `0` included. */
const presences: ReadonlySet<string> = new Set([
  'loader.insecure__use_cmdline_argv',
  'loader.insecure__use_host_env',
  'sgx.remote_attestation',
]);

const integers: ReadonlySet<string> = new Set(
  ['thread_num', 'rpc_thread_num', 'isvprodid', 'isvsvn'].map((name) => `sgx.${name}`),
);

/** The loader's buffer for a value (CONFIG_MAX). */
const longestValue = 4095;

/** `key = value # comment`, or a value between quotes, which may span lines and hold `#`. */
const pair =
  /([A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*)[ \t]*=[ \t]*(?:"([^"]*)"|([^#\r\n"][^#\r\n]*)?)[ \t]*(?=[#\r\n]|$)/y;
const blank = /(?:[ \t\r\n]|#[^\r\n]*)*/y;

interface Pair {
  readonly path: readonly string[];
  readonly value: string;
  readonly offset: number;
}

/**
 * Reads a manifest of Graphene v1.1 or before as its loader does, into tables: `sgx.thread_num` is a key of the table `sgx`.
 * Options that are on or off become booleans, counts integers. Throws a `manifest` error with line and column for what the loader
 * refuses: another character in a key, a key that is set twice or is in another one, a value of more than 4095 bytes.
 */
export function parseLinesDocument(text: string, subject: string): TomlDocument {
  const root = new Map<string, TomlValue>();
  const offsets = new Map<string, number>();
  for (const each of readPairs(text, subject)) {
    const key = each.path.join('.');
    const table = tableFor(root, each.path.slice(0, -1));
    const name = each.path.at(-1) ?? '';
    if (table === undefined || table.has(name)) {
      throw problem(text, subject, each.offset, {
        message: `${key} is set already, or is in another key`,
        hint: 'the loader refuses a key that stands twice: keep one of them',
      });
    }
    if (Buffer.byteLength(each.value) > longestValue) {
      throw problem(text, subject, each.offset, {
        message: `${key}: expected a value of at most ${longestValue} bytes, got ${Buffer.byteLength(each.value)}`,
        hint: 'split it, or give it in a file',
      });
    }
    table.set(name, typedValue(key, each.value));
    for (let depth = 1; depth <= each.path.length; depth++) {
      const above = each.path.slice(0, depth).join('.');
      if (!offsets.has(above)) offsets.set(above, each.offset);
    }
  }
  return { subject, root, isLines: true, locate: (path) => positionAt(text, nearestOffset(offsets, path)) };
}

function readPairs(text: string, subject: string): readonly Pair[] {
  const pairs: Pair[] = [];
  let at = 0;
  const skip = () => {
    blank.lastIndex = at;
    at += blank.exec(text)?.[0].length ?? 0;
  };
  for (skip(); at < text.length; skip()) {
    pair.lastIndex = at;
    const match = pair.exec(text);
    if (match === null) throw problem(text, subject, at, syntaxFault(text, at));
    const value = match[2] ?? match[3]?.replace(/[ \t]+$/, '') ?? '';
    pairs.push({ path: (match[1] ?? '').split('.'), value, offset: at });
    at = pair.lastIndex;
  }
  return pairs;
}

function syntaxFault(text: string, at: number): Fault {
  const line = /.*/.exec(text.slice(at))?.[0].trim() ?? '';
  return {
    message: `expected KEY = VALUE, with letters, digits and _ in the parts of the key, got ${JSON.stringify(line.slice(0, 80))}`,
    hint: 'write it as in sgx.enclave_size = 512M, a comment after #',
  };
}

interface Fault {
  readonly message: string;
  readonly hint: string;
}

function problem(text: string, subject: string, offset: number, { message, hint }: Fault): GscError {
  const { line, column } = positionAt(text, offset);
  return new GscError({ code: 'manifest', subject: `${subject}:${line}:${column}`, message, hint });
}

function positionAt(text: string, offset: number): { readonly line: number; readonly column: number } {
  const lines = text.slice(0, offset).split(/\r\n|\r|\n/);
  return { line: lines.length, column: [...(lines.at(-1) ?? '')].length + 1 };
}

function nearestOffset(offsets: ReadonlyMap<string, number>, path: KeyPath): number {
  for (let depth = path.length; depth > 0; depth--) {
    const offset = offsets.get(path.slice(0, depth).join('.'));
    if (offset !== undefined) return offset;
  }
  return 0;
}

/** The table at a path, made where it is missing; undefined if a value stands there. */
function tableFor(root: Map<string, TomlValue>, path: readonly string[]): Map<string, TomlValue> | undefined {
  let table = root;
  for (const name of path) {
    const below = table.get(name) ?? new Map<string, TomlValue>();
    if (!isTable(below)) return undefined;
    table.set(name, below);
    table = below as Map<string, TomlValue>;
  }
  return table;
}

function typedValue(key: string, value: string): TomlValue {
  if (presences.has(key)) return value !== '';
  if (switches.has(key) && /^[01]$/.test(value)) return value === '1';
  if (integers.has(key)) return parseSignerInteger(value) ?? value;
  return value;
}
