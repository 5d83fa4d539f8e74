import { dirname, join } from 'node:path';
import { GscError } from '../base/error.ts';
import { readUserFile } from '../base/read-file.ts';
import { hasFixedAddress, parseEnclaveImage, parseExecutable } from '../enclave/enclave-image.ts';
import type { FileAccess } from '../manifest/files/file-access.ts';
import { completeLines, executableOf, readLines, sigfileOf } from '../manifest/graphene/complete-lines.ts';
import { completeToml } from '../manifest/graphene/complete-toml.ts';
import type { ManifestLines } from '../manifest/graphene/manifest-lines.ts';
import { hashFiles } from '../manifest/graphene/trusted-hashes.ts';
import { prepareManifest } from '../manifest/prepare.ts';
import { parseToml } from '../manifest/toml/toml.ts';
import type { RuntimeVersion } from '../runtime/version.ts';
import { describeSigstruct } from './describe-sigstruct.ts';
import { type SignedEnclave, signEnclave } from './sign-enclave.ts';
import type { Signer } from './signer.ts';

/** What a runtime's own signer is given. Paths count from where `files` has it. */
export interface ManifestToComplete {
  readonly text: Uint8Array;
  /** The manifest's path, as the user gave it. */
  readonly path: string;
  /** Where the `.manifest.sgx` goes, and the SIGSTRUCT if the user says so. */
  readonly output: string;
  readonly sigfile?: string;
  readonly version: RuntimeVersion;
  readonly libpal: Buffer;
  /** The executable, in place of the one that the manifest names; Graphene until v1.1. */
  readonly executable?: string;
  readonly files: FileAccess;
  readonly hostFiles: FileAccess;
  /** See `DefaultsOptions`. */
  readonly libosUri?: string;
}

export interface ManifestToSign extends ManifestToComplete {
  readonly signer: Signer;
  /** `YYYY-MM-DD`. */
  readonly date: string;
}

export interface CompletedManifest {
  readonly manifestSgx: Buffer;
  /** The path of the SIGSTRUCT. */
  readonly sigfile: string;
  readonly warnings: readonly string[];
  /** The program, where the release measures it. */
  readonly executable?: Buffer;
}

export type SignedManifest = SignedEnclave & CompletedManifest;

/**
 * Does what the signer of a release does: completes a manifest, measures the enclave and signs it. Same input, same bytes.
 * Throws what completing and {@link signEnclave} throw.
 */
export async function signManifest(order: ManifestToSign): Promise<SignedManifest> {
  const { version, libpal, signer, date } = order;
  const completed = await completeForSigner(order);
  const signed = await signEnclave({ ...completed, libpal, version, signer, date });
  return { ...completed, ...signed };
}

/** The same without measuring and signing. */
export async function completeForSigner(order: ManifestToComplete): Promise<CompletedManifest> {
  if (order.version.family === 'gramine') return completeForGramine(order);
  return order.version.release === '1.2-rc1' ? completeTomlOf(order) : completeLinesOf(order);
}

async function completeForGramine(order: ManifestToComplete): Promise<CompletedManifest> {
  const { path: subject, sigfile, ...rest } = order;
  const { text, warnings } = await prepareManifest({ ...rest, subject });
  return {
    manifestSgx: Buffer.from(text),
    sigfile: sigfile ?? `${subject.replace(/\.manifest$/, '')}.sig`,
    warnings,
  };
}

async function completeTomlOf(order: ManifestToComplete): Promise<CompletedManifest> {
  const { text } = await completeToml(parseToml(order.text, order.path), order.files);
  return {
    manifestSgx: Buffer.from(text),
    sigfile: order.sigfile ?? besideOutput(order.output),
    warnings: [],
  };
}

async function completeLinesOf(order: ManifestToComplete): Promise<CompletedManifest> {
  const { path: subject, files, libpal, version } = order;
  const lines = readLines(order.text, subject);
  const executable = await findExecutable(lines, order);
  const images = [
    parseEnclaveImage(libpal, 'libpal'),
    ...(executable ? [parseExecutable(executable.content, executable.path)] : []),
  ];
  const sigfile = order.sigfile ?? sigfileOf(lines) ?? besideOutput(order.output);
  const text = await completeLines(lines, {
    subject,
    release: version.release,
    sigfile,
    ...(executable && { executable: executable.path }),
    hasFixedAddress: images.some(hasFixedAddress),
    hashOf: hashFiles(files),
    mrEnclaveOf: (path) => readMrEnclave(files, path),
  });
  return {
    manifestSgx: Buffer.from(text),
    sigfile,
    warnings: [],
    ...(executable && { executable: executable.content }),
  };
}

/** Graphene's signers: beside the output, whatever the manifest is called. */
function besideOutput(output: string): string {
  return `${output.replace(/\.manifest(?:\.sgx(?:\.d)?)?$/, '')}.sig`;
}

/** A relative URI counts from the directory of the manifest, the option from the current one. */
async function findExecutable(
  lines: ManifestLines,
  { executable, path: manifest, files }: ManifestToComplete,
): Promise<{ readonly path: string; readonly content: Buffer } | undefined> {
  const named = executableOf(lines, manifest);
  if (executable === undefined && named === undefined) return undefined;
  const path = executable ?? (named?.startsWith('/') ? named : join(dirname(manifest), named ?? ''));
  const { hostPath } = await files.find(path);
  return { path, content: await readUserFile(hostPath, 'executable') };
}

async function readMrEnclave(files: FileAccess, path: string): Promise<string> {
  const { hostPath, kind } = await files.find(path);
  if (kind !== 'file') {
    throw new GscError({
      code: 'not-found',
      subject: path,
      message: `expected the SIGSTRUCT of a child, as sgx.trusted_children says; there is none (looked at ${hostPath})`,
      hint: "sign the child's manifest first",
    });
  }
  return describeSigstruct(await readUserFile(hostPath, 'SIGSTRUCT'), path).mrEnclave;
}
