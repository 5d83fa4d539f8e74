import { type Digest, digestOf } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import type { ImagePath } from '../base/image-path.ts';
import { graminizedPaths } from '../image/graminized-paths.ts';
import type { Image } from '../image/image.ts';
import { type Labels, labels } from '../image/labels.ts';
import { CompleteManifest } from '../manifest/complete-manifest.ts';
import { type InsecureOption, insecureOptions } from '../manifest/insecure-options.ts';
import type { TomlTable } from '../manifest/toml/toml.ts';
import { readTopFiles } from '../scan/read-top-files.ts';
import { describeSigstruct, type SigstructDescription } from '../signature/describe-sigstruct.ts';
import { verifySigstruct } from '../signature/verify-sigstruct.ts';

/** What a signed image says about its enclave. */
export interface ImageInspection {
  readonly sigstruct: SigstructDescription;
  readonly manifest: TomlTable;
  /** Of the bytes of `entrypoint.manifest.sgx`. */
  readonly manifestDigest: Digest;
  readonly trustedFileCount: number;
  readonly insecure: readonly InsecureOption[];
  readonly labels: Labels;
}

/**
 * Reads the SIGSTRUCT and the manifest of a signed image, from its files, and verifies the signature's mathematics. Throws a
 * `state` error for an image that is not signed, a `sigstruct` error for a file that is not one.
 */
export async function inspectImage(image: Image): Promise<ImageInspection> {
  const files = await readTopFiles(image, signedFiles);
  return inspectFiles({ name: image.name, labels: image.config.config?.Labels ?? {} }, files);
}

/** What signing adds. */
export const signedFiles = [graminizedPaths.sigstruct, graminizedPaths.manifestSgx];

/** The same from the files of a signed image and its labels. */
export function inspectFiles(
  image: { readonly name: string; readonly labels: Labels },
  files: ReadonlyMap<ImagePath, Buffer>,
): ImageInspection {
  const sigstruct = files.get(graminizedPaths.sigstruct);
  const manifestSgx = files.get(graminizedPaths.manifestSgx);
  if (sigstruct === undefined || manifestSgx === undefined) throw notSigned(image);
  const subject = `${image.name}: ${graminizedPaths.sigstruct}`;
  verifySigstruct(sigstruct, subject);
  const manifest = CompleteManifest.parse(manifestSgx, `${image.name}: ${graminizedPaths.manifestSgx}`);
  return {
    sigstruct: describeSigstruct(sigstruct, subject),
    manifest: manifest.root,
    manifestDigest: digestOf(manifestSgx),
    trustedFileCount: manifest.trustedFileCount,
    insecure: insecureOptions(manifest.root),
    labels: image.labels,
  };
}

/** The `state` error for an image without a signature. */
export function notSigned(image: { readonly name: string; readonly labels: Labels }): GscError {
  const isGraminized = image.labels[labels.runtimeVersion] !== undefined;
  return new GscError({
    code: 'state',
    subject: image.name,
    message: `expected a signed image, got ${isGraminized ? 'an unsigned one' : 'one that is not graminized'}`,
    hint: isGraminized
      ? 'sign it with gsc sign-image; --predict says which MRENCLAVE it will have'
      : 'make it with gsc build and gsc sign-image',
  });
}
