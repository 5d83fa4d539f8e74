import type { RunConfig } from '../image/config.ts';
import { graminizedPaths } from '../image/graminized-paths.ts';
import type { Image } from '../image/image.ts';
import type { ContainerNeeds } from '../inspect/container-needs.ts';
import type { CompleteManifest } from '../manifest/complete-manifest.ts';
import { showWhole } from '../manifest/merge.ts';
import { isArray, isTable, type TomlTable, type TomlValue, valueAt } from '../manifest/toml/toml.ts';

/** Where a value comes from: the measured manifest, or whoever starts the container. */
export type Origin = 'manifest' | 'host';

/** A variable of the application. `value` is empty where the host has it. */
export interface VariableRow {
  readonly name: string;
  readonly value: string;
  readonly origin: Origin;
}

/** What runs inside the enclave, and how the container starts it. */
export interface ProgramReport {
  readonly program: string;
  /** It makes a certificate for RA-TLS, and then starts the program that its arguments name. */
  readonly isRaTls: boolean;
  /** The words of the command line; of `host` and `file` what stands in for them. */
  readonly argv: readonly string[];
  readonly arguments: Origin | 'file';
  readonly user: string;
  readonly directory: string;
  /** Sorted by name. */
  readonly environment: readonly VariableRow[];
  /** What of the environment is not listed, in a sentence each. */
  readonly moreEnvironment: readonly string[];
  /** What an engine starts, outside the enclave. */
  readonly container: {
    readonly entrypoint: readonly string[];
    readonly cmd: readonly string[];
    readonly user: string;
    readonly ports: readonly string[];
    readonly stopSignal: string;
  };
}

export function programReport(
  { config }: Image,
  manifest: CompleteManifest,
  { needs, launchWords }: { readonly needs: ContainerNeeds; readonly launchWords: number },
): ProgramReport {
  const run = config.config ?? {};
  const { root } = manifest;
  return {
    program: textAt(root, 'libos', 'entrypoint'),
    isRaTls: startsByRaTls(root),
    ...argumentsIn(root, wordsAfterLaunch(run, launchWords)),
    user: `uid ${showId(needs.userId)}, gid ${showId(needs.groupId)}${run.User ? ` (USER ${run.User})` : ''}`,
    directory: textAt(root, 'fs', 'start_dir') || '/',
    environment: variablesIn(root),
    moreEnvironment: openEnvironment(manifest),
    container: {
      entrypoint: run.Entrypoint ?? [],
      cmd: run.Cmd ?? [],
      user: run.User || 'root',
      ports: Object.keys(run.ExposedPorts ?? {}).sort(),
      stopSignal: run.StopSignal ?? 'SIGTERM',
    },
  };
}

/** True if `gramine-ratls` starts the program. */
export function startsByRaTls(root: TomlTable): boolean {
  return valueAt(root, ['libos', 'entrypoint']) === graminizedPaths.raTls;
}

/** Gramine's rule: one of three sources, else the program's name alone. */
function argumentsIn(root: TomlTable, given: readonly string[]): Pick<ProgramReport, 'argv' | 'arguments'> {
  const program = textAt(root, 'libos', 'entrypoint');
  const uri = valueAt(root, ['loader', 'argv_src_file']);
  if (typeof uri === 'string') return { argv: [uri], arguments: 'file' };
  if (valueAt(root, ['loader', 'insecure__use_cmdline_argv']) === true)
    return { argv: [program, ...given], arguments: 'host' };
  const argv = valueAt(root, ['loader', 'argv']);
  return { argv: isArray(argv) ? argv.map(showText) : [program], arguments: 'manifest' };
}

/** What the container gives the application, where it takes it: ENTRYPOINT begins with what starts the enclave. */
function wordsAfterLaunch(
  { Entrypoint: entrypoint, Cmd: cmd }: RunConfig,
  launchWords: number,
): readonly string[] {
  return [...(entrypoint ?? []).slice(launchWords), ...(cmd ?? [])];
}

function variablesIn(root: TomlTable): readonly VariableRow[] {
  const env = valueAt(root, ['loader', 'env']);
  const rows = (isTable(env) ? [...env] : []).map(([name, value]): VariableRow => {
    if (!isTable(value)) return { name, value: showText(value), origin: 'manifest' };
    if (value.get('passthrough') === true) return { name, value: '', origin: 'host' };
    return { name, value: showText(value.get('value') ?? ''), origin: 'manifest' };
  });
  return rows.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function openEnvironment({ root, takesHostEnvironment }: CompleteManifest): readonly string[] {
  const file = valueAt(root, ['loader', 'env_src_file']);
  return [
    ...(takesHostEnvironment ? ['All other variables are those of the host.'] : []),
    ...(typeof file === 'string' ? [`All other variables are those in ${file}.`] : []),
  ];
}

/** A manifest may have any text there, with which nothing starts. */
function showId(id: number): string {
  return Number.isInteger(id) ? String(id) : 'unknown';
}

function textAt(root: TomlTable, ...path: readonly string[]): string {
  const value = valueAt(root, path);
  return typeof value === 'string' ? value : '';
}

function showText(value: TomlValue): string {
  if (typeof value === 'string') return value;
  return showWhole(value);
}
