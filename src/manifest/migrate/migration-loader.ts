import { isAtLeast } from '../../runtime/version.ts';
import { isArray, isTable, type TomlValue } from '../toml/toml.ts';
import { type Draft, peek, put, take } from './migration-draft.ts';
import { insidePath } from './migration-mounts.ts';

/** The program was `loader.exec`; the library OS is a table since 1.8. */
export function migrateEntrypoint(draft: Draft): void {
  migrateProgram(draft);
  const program = peek(draft, ['libos', 'entrypoint']);
  const place = program === undefined ? undefined : insidePath(draft, program);
  if (place !== undefined) {
    put(draft, ['libos', 'entrypoint'], place);
    draft.report(['libos', 'entrypoint'], `"${String(program)}" became "${place}": a path inside, not a URI`);
  }
  const entrypoint = peek(draft, ['loader', 'entrypoint']);
  const hasTable = isAtLeast(draft.release, '1.8');
  const uri = isTable(entrypoint) ? entrypoint.get('uri') : undefined;
  if (typeof entrypoint === 'string' && hasTable) {
    put(draft, ['loader', 'entrypoint'], new Map([['uri', entrypoint]]));
    draft.report(['loader', 'entrypoint'], 'became loader.entrypoint.uri', ['loader', 'entrypoint', 'uri']);
  } else if (uri !== undefined && !hasTable) {
    put(draft, ['loader', 'entrypoint'], uri);
    draft.report(['loader', 'entrypoint'], 'the table became a string, without its sha256');
  }
}

/** What is not a `file:` URI stays, for the check to name it: it may mean any program. */
function migrateProgram(draft: Draft): void {
  const [old, now] = [
    ['loader', 'exec'],
    ['libos', 'entrypoint'],
  ] as const;
  const path = insidePath(draft, peek(draft, old) ?? '');
  if (path === undefined) return;
  take(draft, old);
  if (peek(draft, now) !== undefined) {
    draft.report(old, 'removed: libos.entrypoint is set already');
    return;
  }
  put(draft, now, path);
  draft.report(old, `became libos.entrypoint = "${path}"`, now);
}

/** The library OS, which gsc and gramine-manifest name by themselves, and libraries for the application. */
export function migratePreload(draft: Draft): void {
  const value = peek(draft, ['loader', 'preload']);
  if (typeof value !== 'string') return;
  take(draft, ['loader', 'preload']);
  const uris = value.split(',').map((uri) => uri.trim());
  const libraries = uris
    .filter((uri) => uri !== '' && !uri.endsWith('/libsysdb.so'))
    .map((uri) => insidePath(draft, uri) ?? uri);
  const place = ['loader', 'env', 'LD_PRELOAD'];
  if (libraries.length === 0) {
    draft.report(
      ['loader', 'preload'],
      'removed: loader.entrypoint names the library OS, and gsc build fills that in',
    );
    return;
  }
  if (peek(draft, place) === undefined) put(draft, place, libraries.join(':'));
  draft.report(['loader', 'preload'], `its libraries became ${place.join('.')}`, place);
}

/** The first of the arguments is the program's name. */
export function migrateArgv0(draft: Draft): void {
  const path = ['loader', 'argv0_override'];
  const name = peek(draft, path);
  if (typeof name !== 'string') return;
  const argv = peek(draft, ['loader', 'argv']);
  const others = ['argv_src_file', 'insecure__use_cmdline_argv'].map((key) => peek(draft, ['loader', key]));
  take(draft, path);
  if (isArray(argv)) {
    put(draft, ['loader', 'argv'], [name, ...argv.slice(1)]);
    draft.report(path, 'became the first element of loader.argv');
  } else if (others.some((value) => value !== undefined && value !== false)) {
    draft.report(path, `removed: "${name}" has to come first in what provides the arguments`);
  } else if (draft.purpose === 'build') {
    draft.report(
      path,
      "removed: the image's arguments apply; loader.argv replaces them, with the name first",
    );
  } else {
    put(draft, ['loader', 'argv'], [name]);
    draft.report(path, `became loader.argv = ["${name}"]`, ['loader', 'argv']);
  }
}

/** What the library OS logs, and where to. */
export function migrateLog(draft: Draft): void {
  const [type, file] = [take(draft, ['loader', 'debug_type']), take(draft, ['loader', 'debug_file'])];
  const isOn = type === 'inline' || type === 'file';
  if (type !== undefined) {
    if (isOn && peek(draft, ['loader', 'log_level']) === undefined)
      put(draft, ['loader', 'log_level'], 'debug');
    draft.report(
      ['loader', 'debug_type'],
      isOn ? 'became loader.log_level = "debug"' : 'removed: without it, only errors are logged',
    );
  }
  if (file === undefined) return;
  const isUsed = type === 'file' && peek(draft, ['loader', 'log_file']) === undefined;
  if (isUsed) put(draft, ['loader', 'log_file'], pathOf(file));
  if (isUsed) draft.report(['loader', 'debug_file'], 'became loader.log_file', ['loader', 'log_file']);
  else draft.report(['loader', 'debug_file'], 'removed: nothing goes there');
}

/** A file of the host, written without `file:`. */
function pathOf(value: TomlValue): TomlValue {
  return typeof value === 'string' ? value.replace(/^file:/, '') : value;
}
