import { GscError } from '../base/error.ts';
import { baseNameOf, bytesOfText, type ImagePath, imagePath, showBytes } from '../base/image-path.ts';
import { hasFixedAddress, parseEnclaveImage, parseExecutable } from '../enclave/enclave-image.ts';
import type { EnclaveManifest } from '../enclave/enclave-manifest.ts';
import { type GramineEnclave, layOutGramineEnclave } from '../enclave/gramine-enclave.ts';
import type { CompleteManifest } from '../manifest/complete-manifest.ts';
import type { FileAccess } from '../manifest/files/file-access.ts';
import { completeLines, readLines } from '../manifest/graphene/complete-lines.ts';
import { completeToml } from '../manifest/graphene/complete-toml.ts';
import type { HashOf } from '../manifest/graphene/trusted-hashes.ts';
import { parseToml, valueAt } from '../manifest/toml/toml.ts';
import type { EnclaveFiles } from '../runtime/places.ts';
import type { RuntimeVersion } from '../runtime/version.ts';

/** All that an enclave of an image is made of, before it is laid out. */
export interface EnclavePlan {
  readonly files: EnclaveFiles;
  readonly manifest: CompleteManifest;
  readonly version: RuntimeVersion;
  readonly libpal: Buffer;
  /** How messages call `libpal`. */
  readonly subject: string;
  /** The program, where the release measures it. */
  readonly executable?: Buffer;
}

/** The MRENCLAVEs of enclaves that are signed already, by the base names of their `.sig` files. */
export type Measured = ReadonlyMap<string, string>;

/** As long as a real one: the layout of a parent does not depend on which child it trusts. */
const unknownMeasurement = '0'.repeat(64);

/**
 * Completes a plan's manifest as the signer of its release does, and lays the enclave out. The manifest holds the hashes of its files
 * already: no file is read. A child that `measured` lacks counts as a row of zeros. Throws what `layOutGramineEnclave` throws.
 */
export async function layOutPlan(plan: EnclavePlan, measured: Measured = new Map()): Promise<GramineEnclave> {
  const { libpal, subject, version, executable } = plan;
  const program = { libpal, subject, version, ...(executable && { executable }) };
  return layOutGramineEnclave(await completePlan(plan, measured), program);
}

/** The manifest of a plan as it is measured: Graphene's signers add to what a build wrote. See {@link layOutPlan}. */
export async function completePlan(
  plan: Omit<EnclavePlan, 'subject'>,
  measured: Measured = new Map(),
): Promise<EnclaveManifest> {
  const { manifest, version, files } = plan;
  if (version.family === 'gramine') return manifest;
  const { root } = manifest;
  const name = showBytes(files.manifest);
  if (version.release === '1.2-rc1') {
    const document = parseToml(manifest.bytes, name);
    const hashOf = knownHashes((id) => valueAt(document.root, ['sgx', 'trusted_checksum', id]));
    const { text } = await completeToml(document, noDirectories, hashOf);
    return { root, bytes: Buffer.from(text) };
  }
  const lines = readLines(manifest.bytes, name);
  const text = await completeLines(lines, {
    subject: name,
    release: version.release,
    sigfile: files.sigstruct,
    ...(plan.executable && { executable: (lines.values.get('loader.exec') ?? '').replace(/^file:/, '') }),
    hasFixedAddress: hasFixedParts(plan),
    hashOf: knownHashes((id) => lines.values.get(`sgx.trusted_checksum.${id}`)),
    mrEnclaveOf: async (path) => measured.get(baseNameOf(imagePath(bytesOfText(path)))) ?? unknownMeasurement,
  });
  return { root, bytes: Buffer.from(text) };
}

function hasFixedParts({ libpal, executable }: Omit<EnclavePlan, 'subject'>): boolean {
  const images = [parseEnclaveImage(libpal, 'libpal')];
  if (executable) images.push(parseExecutable(executable, 'executable'));
  return images.some(hasFixedAddress);
}

/** The hashes that a build has put into the manifest. */
function knownHashes(find: (id: string) => unknown): HashOf {
  return async ({ id, place }) => {
    const hash = find(id);
    if (typeof hash === 'string') return hash;
    throw new GscError({
      code: 'state',
      subject: place,
      message: `expected the hash of this file in sgx.trusted_checksum.${id}, as gsc build puts it there; there is none`,
      hint: 'build the image again with gsc build',
    });
  };
}

/** A build lists files only, so that a look at them is not needed. */
const noDirectories: FileAccess = {
  find: async (path) => ({ kind: 'file', hostPath: path, listedAs: path }),
  list: async () => [],
  hash: async ({ hostPath }) => {
    throw new RangeError(`unexpected read of ${hostPath}`);
  },
};

/** The path inside of the program that a plan's manifest starts. */
export function programOf({ root }: CompleteManifest): ImagePath | undefined {
  const program = valueAt(root, ['libos', 'entrypoint']);
  return typeof program === 'string' ? imagePath(bytesOfText(program)) : undefined;
}
