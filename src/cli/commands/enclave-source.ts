import { readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { readError, readUserFile } from '../../base/read-file.ts';
import {
  chrootFiles,
  type EnclaveSource,
  hostFiles,
  overrideManifest,
  prepareManifest,
  type RuntimeVersion,
  serializeManifest,
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
  readonly runtimeVersion?: RuntimeVersion;
}

/** Completes a manifest as gramine-sgx-sign does before it measures; options replace keys of `sgx`. Warns as it does. */
export async function readEnclaveSource(
  { host, console }: CommandContext,
  options: EnclaveSourceOptions,
): Promise<EnclaveSource> {
  const at = (path: string) => resolve(host.workingDirectory, path);
  const version = options.runtimeVersion ?? defaultRuntimeVersion;
  const libosUri = await libosBeside(at(options.libpal));
  const libpal = await readUserFile(at(options.libpal), 'libpal.so');
  if (options.chroot !== undefined) await checkDirectory(at(options.chroot));
  const files = hostFiles(host.workingDirectory);
  const prepared = await prepareManifest({
    text: await readUserFile(at(options.manifest), 'manifest'),
    subject: options.manifest,
    version,
    files: options.chroot === undefined ? files : chrootFiles(at(options.chroot)),
    hostFiles: files,
    ...(libosUri !== undefined && { libosUri }),
  });
  for (const warning of prepared.warnings) console.warn(warning);
  const { root, applied } = overrideManifest(prepared.root, enclaveOverrides(options));
  reportOverrides(console, applied);
  const text = applied.length === 0 ? prepared.text : serializeManifest(root, { layout: 'genuine' });
  return { manifestSgx: Buffer.from(text), libpal, version };
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
