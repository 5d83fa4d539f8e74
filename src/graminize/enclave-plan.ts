import { imagePath } from '../base/image-path.ts';
import { enclaveRulesOf } from '../enclave/enclave-rules.ts';
import { libpalContent } from '../runtime/runtime.ts';
import { contentIn, realFileAt } from '../runtime/tree-source.ts';
import { type EnclavePlan, programOf } from '../signature/enclave-plan.ts';
import type { ComposedManifest } from './compose-manifest.ts';
import type { GraminizeContext } from './graminize-context.ts';

/** The enclave of a composed manifest. The program is read only where the release measures it. */
export async function planEnclave(
  { runtime, files, tree, readFiles }: GraminizeContext,
  { manifest }: ComposedManifest,
): Promise<EnclavePlan> {
  const { version } = runtime;
  const program = enclaveRulesOf(version).hasExecutableArea ? programOf(manifest) : undefined;
  const path = program && (realFileAt(tree, program)?.path ?? imagePath(program));
  const executable = path && contentIn(await readFiles([path]), path);
  return {
    ...{ files, manifest, version },
    libpal: libpalContent(runtime),
    subject: `${runtime.subject}: libpal.so`,
    ...(executable && { executable }),
  };
}
