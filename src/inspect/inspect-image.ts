import { type Digest, digestOf } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import { baseNameOf, type ImagePath } from '../base/image-path.ts';
import type { Image } from '../image/image.ts';
import { type Labels, labels } from '../image/labels.ts';
import { CompleteManifest } from '../manifest/complete-manifest.ts';
import type { InsecureOption } from '../manifest/insecure-options.ts';
import type { TomlTable } from '../manifest/toml/toml.ts';
import { type EnclaveFiles, labelledEnclaves } from '../runtime/places.ts';
import { labelledVersion, parseRuntimeVersion, type RuntimeVersion } from '../runtime/version.ts';
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
  /** The other enclaves, where programs that the first one starts have enclaves of their own. */
  readonly children: readonly { readonly name: string; readonly sigstruct: SigstructDescription }[];
}

/**
 * Reads the SIGSTRUCT and the manifest of a signed image, from its files, and verifies the signature's mathematics. Throws a
 * `state` error for an image that is not signed, a `sigstruct` error for a file that is not one.
 */
export async function inspectImage(image: Image): Promise<ImageInspection> {
  const found = image.config.config?.Labels ?? {};
  const files = await readTopFiles(image, signedFiles(found));
  return inspectFiles({ name: image.name, labels: found }, files);
}

/** What signing adds to an image with these labels. */
export function signedFiles(found: Labels): readonly ImagePath[] {
  return labelledEnclaves(found).flatMap(({ sigstruct, manifestSgx }) => [sigstruct, manifestSgx]);
}

interface InspectedImage {
  readonly name: string;
  readonly labels: Labels;
}

/** The same from the files of a signed image and its labels. */
export function inspectFiles(image: InspectedImage, files: ReadonlyMap<ImagePath, Buffer>): ImageInspection {
  const version = labelledVersion(image.labels) ?? unlabelled;
  const places = labelledEnclaves(image.labels);
  const [enclave, ...children] = places.map((place) => inspectEnclave(image, { place, files, version }));
  if (enclave === undefined) throw notSigned(image);
  return {
    ...enclave,
    children: children.map(({ name, sigstruct }) => ({ name, sigstruct })),
    labels: image.labels,
  };
}

/** Images of which no label says it. */
const unlabelled = parseRuntimeVersion('1.9');

interface InspectedEnclave extends Omit<ImageInspection, 'children' | 'labels'> {
  readonly name: string;
}

function inspectEnclave(
  image: InspectedImage,
  {
    place,
    files,
    version,
  }: {
    readonly place: EnclaveFiles;
    readonly files: ReadonlyMap<ImagePath, Buffer>;
    readonly version: RuntimeVersion;
  },
): InspectedEnclave {
  const sigstruct = files.get(place.sigstruct);
  const manifestSgx = files.get(place.manifestSgx);
  if (sigstruct === undefined || manifestSgx === undefined) throw notSigned(image);
  const subject = `${image.name}: ${place.sigstruct}`;
  verifySigstruct(sigstruct, subject);
  const manifest = CompleteManifest.parse(manifestSgx, `${image.name}: ${place.manifestSgx}`, version);
  return {
    name: baseNameOf(place.sigstruct).replace(/\.sig$/, ''),
    sigstruct: describeSigstruct(sigstruct, subject, version),
    manifest: manifest.root,
    manifestDigest: digestOf(manifestSgx),
    trustedFileCount: manifest.trustedFileCount,
    insecure: manifest.insecureOptions,
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
