import { digestOf, hexOf } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import type { ImagePath } from '../base/image-path.ts';
import { enclaveRulesOf } from '../enclave/enclave-rules.ts';
import type { Graminized } from '../graminize/graminize.ts';
import type { Image } from '../image/image.ts';
import { labels, stateOf } from '../image/labels.ts';
import { CompleteManifest } from '../manifest/complete-manifest.ts';
import { fileUri, uriOf } from '../manifest/schema/file-uri.ts';
import { select } from '../manifest/schema/runtime-values.ts';
import { isTable, type TomlTable, valueAt } from '../manifest/toml/toml.ts';
import { labelledEnclaves, runtimePlacesOf } from '../runtime/places.ts';
import { labelledVersion, type RuntimeVersion } from '../runtime/version.ts';
import type { ImageScan } from '../scan/image-scan.ts';
import { readFiles } from '../scan/read-files.ts';
import { readTopFiles } from '../scan/read-top-files.ts';
import { scanImage } from '../scan/scan-image.ts';
import { type EnclavePlan, programOf } from '../signature/enclave-plan.ts';
import { resolvePath } from '../tree/resolve-path.ts';
import { stripSignature } from './strip-signature.ts';

/** What `graminize` makes: an unsigned image whose enclaves are planned, so that nothing is read out of its layers. */
export type UnsignedImage = Pick<Graminized, 'image' | 'plans'> & Partial<Pick<Graminized, 'enclave'>>;

/**
 * Reads the enclaves out of an image that was stored, without its signature if it has one. Throws a `state` error for one that is
 * not graminized.
 */
export async function readUnsignedImage(
  given: Image,
  scan: (image: Image) => Promise<ImageScan> = scanImage,
): Promise<UnsignedImage> {
  const version = versionOf(given);
  const isSigned = stateOf(given.config.config?.Labels ?? {}) === 'signed';
  const image = isSigned ? await stripSignature(given) : given;
  const enclaves = labelledEnclaves(image.config.config?.Labels ?? {});
  const { libpal, libos } = runtimePlacesOf(version);
  // With the very layer of the runtime that it was built with, the library OS is as the manifest says.
  const runtimeLayer = image.config.config?.Labels?.[labels.runtimeLayer];
  const hasOwnRuntime = image.layers.some(({ diffId }) => diffId === runtimeLayer);
  const wanted = [libpal, ...(hasOwnRuntime ? [] : [libos]), ...enclaves.map(({ manifest }) => manifest)];
  const parts = await readTopFiles(image, wanted);
  const part = (path: ImagePath): Buffer => partIn(image, parts, path);
  const planned = enclaves.map((files) => {
    const manifest = CompleteManifest.parse(
      part(files.manifest),
      `${image.name}: ${files.manifest}`,
      version,
    );
    if (!hasOwnRuntime) checkRuntimeHash(manifest.root, part(libos), `${image.name}: ${libos}`);
    return { files, manifest, version, libpal: part(libpal), subject: 'libpal.so' };
  });
  // The first program's enclave is signed last.
  const inOrder = [...planned.slice(1).reverse(), ...planned.slice(0, 1)];
  return { image, plans: await withPrograms(given, inOrder, scan) };
}

function versionOf(image: Image): RuntimeVersion {
  const found = image.config.config?.Labels ?? {};
  const version = stateOf(found) === 'app' ? undefined : labelledVersion(found);
  if (version !== undefined) return version;
  throw new GscError({
    code: 'state',
    subject: image.name,
    message: 'expected an unsigned graminized image, got one that is not graminized',
    hint: 'make it with gsc build first',
  });
}

function partIn(image: Image, parts: ReadonlyMap<ImagePath, Buffer>, path: ImagePath): Buffer {
  const content = parts.get(path);
  if (content !== undefined) return content;
  throw new GscError({
    code: 'state',
    subject: image.name,
    message: `expected ${path} in the image, where gsc build puts it, got none`,
    hint: 'build the image again with gsc build',
  });
}

/** Adds the programs where the release measures them: files of the app image, which every layer may have. */
async function withPrograms(
  image: Image,
  plans: readonly EnclavePlan[],
  scan: (image: Image) => Promise<ImageScan>,
): Promise<readonly EnclavePlan[]> {
  const isMeasured = plans.some(({ version }) => enclaveRulesOf(version).hasExecutableArea);
  if (!isMeasured) return plans;
  const { tree } = await scan(image);
  const found = plans.map(({ manifest }) => {
    const program = programOf(manifest);
    const resolved = program && resolvePath(tree, program);
    return resolved?.kind === 'found' && resolved.node.kind === 'file' ? resolved.path : undefined;
  });
  const contents = await readFiles(image, tree, [...new Set(found.flatMap((path) => path ?? []))]);
  return plans.map((plan, index) => {
    const executable = contents.get(found[index] ?? ('' as ImagePath));
    if (executable === undefined) return plan;
    checkProgramHash(plan, executable, image.name);
    return { ...plan, executable };
  });
}

function checkProgramHash({ manifest }: EnclavePlan, content: Buffer, name: string): void {
  const program = programOf(manifest);
  const uri = program && fileUri(program);
  const entries = [...select(manifest.root, 'sgx.trusted_files.*')].map(([, entry]) => entry);
  const entry = entries.find((each) => uriOf(each) === uri);
  checkHash(isTable(entry) ? entry.get('sha256') : undefined, content, `${name}: ${program}`);
}

/** Since 1.8 the manifest holds the hash of libsysdb.so; an enclave whose file differs would not start. */
function checkRuntimeHash(manifest: TomlTable, libos: Buffer, subject: string): void {
  checkHash(valueAt(manifest, ['loader', 'entrypoint', 'sha256']), libos, subject);
}

function checkHash(expected: unknown, content: Buffer, subject: string): void {
  const got = hexOf(digestOf(content));
  if (expected === undefined || expected === got) return;
  throw new GscError({
    code: 'runtime',
    subject,
    message: `expected the SHA-256 that the manifest holds, ${String(expected)}, got ${got}`,
    hint: 'the image was changed after gsc build: build it again',
  });
}
