import { digestOf, hexOf } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import type { ImagePath } from '../base/image-path.ts';
import { enclaveRulesOf } from '../enclave/enclave-rules.ts';
import type { Graminized } from '../graminize/graminize.ts';
import type { Image } from '../image/image.ts';
import { stateOf } from '../image/labels.ts';
import { CompleteManifest } from '../manifest/complete-manifest.ts';
import { fileUri, uriOf } from '../manifest/schema/file-uri.ts';
import { select } from '../manifest/schema/runtime-values.ts';
import { isTable, type TomlTable, valueAt } from '../manifest/toml/toml.ts';
import { labelledEnclaves, runtimePlacesOf } from '../runtime/places.ts';
import { labelledVersion, type RuntimeVersion } from '../runtime/version.ts';
import { readFiles } from '../scan/read-files.ts';
import { readTopFiles } from '../scan/read-top-files.ts';
import { scanImage } from '../scan/scan-image.ts';
import { type EnclavePlan, programOf } from '../signature/enclave-plan.ts';
import { resolvePath } from '../tree/resolve-path.ts';

/** Reads the enclaves out of an image that was stored. Throws a `state` error for one that is not an unsigned one. */
export async function readUnsignedImage(image: Image): Promise<Pick<Graminized, 'image' | 'plans'>> {
  const version = versionOf(image);
  const enclaves = labelledEnclaves(image.config.config?.Labels ?? {});
  const { libpal, libos } = runtimePlacesOf(version);
  const parts = await readTopFiles(image, [libpal, libos, ...enclaves.map(({ manifest }) => manifest)]);
  const part = (path: ImagePath): Buffer => partIn(image, parts, path);
  const planned = enclaves.map((files) => {
    const manifest = CompleteManifest.parse(
      part(files.manifest),
      `${image.name}: ${files.manifest}`,
      version,
    );
    checkRuntimeHash(manifest.root, part(libos), `${image.name}: ${libos}`);
    return { files, manifest, version, libpal: part(libpal), subject: 'libpal.so' };
  });
  // The first program's enclave is signed last.
  return { image, plans: await withPrograms(image, [...planned.slice(1).reverse(), ...planned.slice(0, 1)]) };
}

function versionOf(image: Image): RuntimeVersion {
  const found = image.config.config?.Labels ?? {};
  const state = stateOf(found);
  const version = state === 'unsigned' ? labelledVersion(found) : undefined;
  if (version !== undefined) return version;
  throw new GscError({
    code: 'state',
    subject: image.name,
    message: `expected an unsigned graminized image, got ${state === 'app' ? 'one that is not graminized' : 'one that is signed already'}`,
    hint: state === 'app' ? 'make it with gsc build first' : 'sign the unsigned image that it was made of',
  });
}

function partIn(image: Image, parts: ReadonlyMap<ImagePath, Buffer>, path: ImagePath): Buffer {
  const content = parts.get(path);
  if (content !== undefined) return content;
  throw new GscError({
    code: 'state',
    subject: image.name,
    message: `expected ${path} in the image, as gsc build puts it there; there is none`,
    hint: 'build the image again with gsc build',
  });
}

/** Adds the programs where the release measures them: files of the app image, which every layer may have. */
async function withPrograms(image: Image, plans: readonly EnclavePlan[]): Promise<readonly EnclavePlan[]> {
  const isMeasured = plans.some(({ version }) => enclaveRulesOf(version).hasExecutableArea);
  if (!isMeasured) return plans;
  const { tree } = await scanImage(image);
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
