import { readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { GscError } from '../../base/error.ts';
import { readError, readUserFile } from '../../base/read-file.ts';
import type { RuntimeVersion } from '../../index.ts';
import {
  chrootFiles,
  completeForSigner,
  type EnclaveSource,
  hostFiles,
  overrideManifest,
  parseManifest,
  serializeManifest,
  showVersion,
} from '../../tools.ts';
import type { CommandContext } from '../options/command-context.ts';
import { enclaveOverrides, type OverrideOptions } from '../options/override-options.ts';
import { defaultRuntimeVersion } from '../options/runtime-version-option.ts';
import { reportOverrides } from '../reports/sign-report.ts';

/** Options that say which enclave a manifest on this machine makes. */
export interface EnclaveSourceOptions extends OverrideOptions {
  readonly manifest: string;
  readonly libpal: string;
  readonly chroot?: string;
  /** Where the `.manifest.sgx` and the SIGSTRUCT go. */
  readonly output?: string;
  readonly sigfile?: string;
  /** Of Graphene until 1.1. */
  readonly exec?: string;
  readonly runtimeVersion?: RuntimeVersion;
}

/** Completes a manifest as the signer of its release does before it measures; options replace keys of `sgx`. Warns as it does. */
export async function readEnclaveSource(
  context: CommandContext,
  options: EnclaveSourceOptions,
): Promise<EnclaveSource & { readonly sigfile: string }> {
  const { host, console } = context;
  const at = (path: string) => resolve(host.workingDirectory, path);
  const version = options.runtimeVersion ?? defaultRuntimeVersion;
  const libosUri = await libosBeside(at(options.libpal));
  const libpal = await readUserFile(at(options.libpal), 'libpal.so');
  if (options.chroot !== undefined) await checkDirectory(at(options.chroot));
  const files = hostFiles(host.workingDirectory);
  const completed = await completeForSigner({
    text: await readUserFile(at(options.manifest), 'manifest'),
    path: options.manifest,
    output: options.output ?? `${options.manifest}.sgx`,
    ...(options.sigfile !== undefined && { sigfile: options.sigfile }),
    ...(options.exec !== undefined && { executable: options.exec }),
    ...{ version, libpal },
    files: options.chroot === undefined ? files : chrootFiles(at(options.chroot)),
    hostFiles: files,
    ...(libosUri !== undefined && { libosUri }),
  });
  for (const warning of completed.warnings) console.warn(warning);
  const { manifestSgx, sigfile, executable } = completed;
  const bytes = overridden(context, { manifestSgx, version }, options);
  return { manifestSgx: bytes, libpal, version, sigfile, ...(executable && { executable }) };
}

function overridden(
  { console }: CommandContext,
  { manifestSgx, version }: Pick<EnclaveSource, 'manifestSgx' | 'version'>,
  options: OverrideOptions,
): Buffer {
  const overrides = enclaveOverrides(options);
  if (Object.values(overrides).every((value) => value === undefined)) return manifestSgx;
  if (version.family === 'graphene') throw onlyGramine(version);
  const { root, applied } = overrideManifest(parseManifest(manifestSgx, 'manifest').root, overrides);
  reportOverrides(console, applied);
  return applied.length === 0 ? manifestSgx : Buffer.from(serializeManifest(root, { layout: 'genuine' }));
}

function onlyGramine(version: RuntimeVersion): GscError {
  return new GscError({
    code: 'usage',
    subject: '--isvprodid, --isvsvn, --debug, --no-debug',
    message: `expected a release of Gramine with them, got ${showVersion(version)}`,
    hint: 'set sgx.isvprodid, sgx.isvsvn or sgx.debug in the manifest',
  });
}

/**
 * What manifests without `loader.entrypoint.uri` get: the library OS of the installation that libpal.so is of. Gramine's
 * signer has it built in.
 */
async function libosBeside(libpal: string): Promise<string | undefined> {
  const libos = join(dirname(dirname(libpal)), 'libsysdb.so');
  const facts = await stat(libos).catch(() => undefined);
  return facts?.isFile() ? `file:${libos}` : undefined;
}

async function checkDirectory(path: string): Promise<void> {
  try {
    await readdir(path);
  } catch (error) {
    throw readError(path, 'chroot directory', error);
  }
}
