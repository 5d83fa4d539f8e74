import { GscError } from '../base/error.ts';
import { baseNameOf, bytesOfText, showBytes } from '../base/image-path.ts';
import type { GramineEnclave } from '../enclave/gramine-enclave.ts';
import type { Image } from '../image/image.ts';
import type { AddedFile } from '../layer/added-layer.ts';
import { hasKey } from '../manifest/schema/schema.ts';
import { showManifestSize } from '../manifest/schema/size.ts';
import type { TomlDocument } from '../manifest/toml/toml.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { showVersion } from '../runtime/version.ts';
import { type EnclavePlan, layOutPlan } from '../signature/enclave-plan.ts';
import { type GraminizeOptions, noChoices, programName } from './build-options.ts';
import { composeManifest } from './compose-manifest.ts';
import { planEnclave } from './enclave-plan.ts';
import { makeContext } from './make-context.ts';

/** An enclave that the first program may start. */
export interface ChildEnclave {
  readonly plan: EnclavePlan;
  readonly enclave: GramineEnclave;
  /** See `ComposedManifest`. */
  readonly ownFiles: readonly AddedFile[];
  readonly notes: readonly string[];
}

/**
 * Composes the manifests of the programs that the first one starts, the last one first: each trusts those that were given
 * behind it. All else is as for the first program. Throws a `usage` error for a runtime that has one manifest for all, and an
 * `entrypoint` error for a program that the image lacks.
 */
export async function buildChildren(
  app: Image,
  runtime: Runtime,
  options: GraminizeOptions,
): Promise<readonly ChildEnclave[]> {
  const documents = options.childManifests ?? [];
  if (documents.length === 0) return [];
  if (!hasKey(runtime.version.release, ['sgx', 'trusted_children'])) throw oneManifest(runtime);
  const children: ChildEnclave[] = [];
  checkNames(documents);
  for (const document of documents.toReversed()) {
    const name = programName(document);
    const { manifest: _, ...rest } = options;
    const context = await makeContext(app, runtime, {
      ...rest,
      manifest: document,
      choices: { ...(options.choices ?? noChoices), entrypoint: [name], cmd: [] },
      enclaveName: bytesOfText(name),
      childSignatures: children.map(({ plan }) => baseNameOf(plan.files.sigstruct)),
    });
    const composed = await composeManifest(context);
    const plan = await planEnclave(context, composed);
    const enclave = await layOutPlan(plan);
    children.push({
      plan,
      enclave,
      ownFiles: composed.ownFiles,
      notes: composed.warnings.map((note) => `${name}: ${note}`),
    });
  }
  return children;
}

/** Throws a `usage` error for two manifests of the same program, as the files of their enclaves would be the same. */
function checkNames(documents: readonly TomlDocument[]): void {
  const seen = new Set<string>();
  for (const document of documents) {
    const name = programName(document);
    if (seen.has(name)) throw sameName(document.subject, name);
    seen.add(name);
  }
}

/** The same for the program that starts first, whose manifest may be called otherwise. */
export function checkFirstName(children: readonly ChildEnclave[], first: EnclavePlan): void {
  const same = children.find(({ plan }) => plan.files.manifest === first.files.manifest);
  if (same === undefined) return;
  const name = baseNameOf(first.files.manifest);
  throw sameName(showBytes(name), showBytes(name).replace(/\.manifest$/, ''));
}

function sameName(subject: string, name: string): GscError {
  return new GscError({
    code: 'usage',
    subject,
    message: `two manifests are for the program ${name}`,
    hint: 'the first manifest is that of the program that the image starts; give each other program one',
  });
}

/** A parent hands its children over within one range of addresses. Throws a `manifest` error for enclaves of several sizes. */
export function checkSizes(children: readonly ChildEnclave[], { settings }: GramineEnclave): void {
  const size = settings.sizeBytes;
  const other = children.find((child) => child.enclave.settings.sizeBytes !== size);
  if (other === undefined) return;
  throw new GscError({
    code: 'manifest',
    subject: baseNameOf(other.plan.files.manifest),
    message: `expected sgx.enclave_size = ${showManifestSize(size)}, as the first manifest has it, got ${showManifestSize(other.enclave.settings.sizeBytes)}`,
    hint: 'give all manifests of an image the same sgx.enclave_size',
  });
}

function oneManifest({ version }: Runtime): GscError {
  return new GscError({
    code: 'usage',
    subject: 'MANIFEST',
    message: `expected one manifest, got several: with ${showVersion(version)} all processes of an image have the same one`,
    hint: 'put the keys of all into one manifest; several belong to Graphene until 1.1',
  });
}
