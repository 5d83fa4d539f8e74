import { showBytes } from '../../base/image-path.ts';
import { showCount, showCounted } from '../../base/show-size.ts';
import type { Graminized, TomlTable } from '../../index.ts';
import { familyName } from '../../parts.ts';
import { isArray, isTable, valueAt } from '../../tools.ts';
import type { Transcript } from './transcript.ts';

/** Where the arguments of the application come from, and what they are as far as the image tells. */
type Arguments =
  | { readonly kind: 'fixed' | 'replaceable'; readonly argv: readonly string[] }
  | { readonly kind: 'file'; readonly uri: string };

/** Says what starts, as whom and where, and with which C library: as the complete manifest has it. */
export function sayStart(console: Transcript, graminized: Graminized): void {
  const { root } = graminized.manifest;
  console.say(
    `  starts         ${textAt(root, ['libos', 'entrypoint'])} as ${describeArguments(graminized)}`,
  );
  const [uid, gid, directory] = identityIn(root);
  console.say(
    `  as             uid ${uid}, gid ${gid}, in ${directory}, ${describeVariables(graminized.manifest)}`,
  );
  console.say(`  C library      ${describeLibc(graminized)}`);
}

/** The same as plain values, for `--json`. `argv` is null where a file has the arguments. */
export function startToJson(graminized: Graminized): object {
  const { start, libc, loadedLibc } = graminized;
  const { root } = graminized.manifest;
  const given = argumentsIn(graminized);
  const [uid, gid, directory] = identityIn(root);
  return {
    entrypoint: textAt(root, ['libos', 'entrypoint']),
    argv: given.kind === 'file' ? null : given.argv,
    ...(given.kind === 'file' && { argv_src_file: given.uri }),
    uid,
    gid,
    working_directory: directory,
    libc: start.libraries.libc,
    libc_from: loadedLibc.kind === 'static' ? libc.choice : loadedLibc.kind,
    libc_reason: reasonFor(graminized),
  };
}

/** The command as a shell would take it. */
export function showCommand(argv: readonly string[]): string {
  return argv
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ');
}

/** Gramine's rule: one of the three sources, else the program's name alone. With arguments of the host, argv[0] is that name. */
function argumentsIn({ manifest: { root }, start }: Graminized): Arguments {
  const program = textAt(root, ['libos', 'entrypoint']);
  const uri = valueAt(root, ['loader', 'argv_src_file']);
  if (typeof uri === 'string') return { kind: 'file', uri };
  if (valueAt(root, ['loader', 'insecure__use_cmdline_argv']) === true) {
    return { kind: 'replaceable', argv: [program, ...start.argv.slice(1)] };
  }
  const argv = valueAt(root, ['loader', 'argv']);
  return { kind: 'fixed', argv: isArray(argv) ? argv.map(String) : [program] };
}

function describeArguments(graminized: Graminized): string {
  const given = argumentsIn(graminized);
  switch (given.kind) {
    case 'fixed':
      return showCommand(given.argv);
    case 'replaceable':
      return `${showCommand(given.argv)}, or with the arguments of docker run`;
    case 'file':
      return `${given.uri} says`;
  }
}

function identityIn(manifest: TomlTable): readonly [uid: number, gid: number, directory: string] {
  const [uid, gid] = ['uid', 'gid'].map((key) => Number(valueAt(manifest, ['loader', key]) ?? 0));
  return [uid ?? 0, gid ?? 0, textAt(manifest, ['fs', 'start_dir'])];
}

function describeVariables({ root, takesHostEnvironment }: Graminized['manifest']): string {
  const env = valueAt(root, ['loader', 'env']);
  const variables = isTable(env) ? [...env.values()] : [];
  const passed = variables.filter((value) => isTable(value) && value.has('passthrough')).length;
  const file = valueAt(root, ['loader', 'env_src_file']);
  return [
    showCounted(variables.length, 'variable'),
    ...(passed > 0 ? [`${showCount(passed)} of them from the host`] : []),
    ...(takesHostEnvironment ? ['all others of the host'] : []),
    ...(typeof file === 'string' ? [`all others of ${file}`] : []),
  ].join(', ');
}

function describeLibc(graminized: Graminized): string {
  const { start, libc, loadedLibc, enclave } = graminized;
  const name = start.libraries.libc;
  const runtimeName = familyName(enclave.version);
  switch (loadedLibc.kind) {
    case 'static':
      return 'none, the program is static';
    case 'runtime':
      return `${runtimeName}'s ${name}: ${reasonFor(graminized)}`;
    case 'image':
      return `the image's own ${name}: ${reasonFor(graminized)}`;
    case 'unknown':
      return `unknown until the start (chosen: ${libc.choice === 'runtime' ? `${runtimeName}'s` : "the image's own"} ${name}): ${reasonFor(graminized)}`;
    case 'missing':
      return `none is found: ${reasonFor(graminized)}`;
  }
}

/** Why it is this C library: the choice's reason, or what overruled the choice. */
function reasonFor({ libc, loadedLibc }: Graminized): string {
  switch (loadedLibc.kind) {
    case 'static':
      return libc.reason;
    case 'runtime':
    case 'image':
      return loadedLibc.kind === libc.choice
        ? libc.reason
        : `${showBytes(loadedLibc.directory)} comes first in LD_LIBRARY_PATH`;
    case 'unknown':
      return 'LD_LIBRARY_PATH, or what a container has there, decides';
    case 'missing':
      return 'no directory of LD_LIBRARY_PATH has the loader of the program';
  }
}

function textAt(manifest: TomlTable, path: readonly string[]): string {
  const value = valueAt(manifest, path);
  return typeof value === 'string' ? value : '/';
}
