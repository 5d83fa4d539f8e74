import { once } from '../../base/once.ts';
import type { Signer } from '../../index.ts';
import { workspaceOf } from '../../library/images.ts';
import { fullNameOf, showReference } from '../../parts.ts';
import type { BuildOrder } from '../../workspace/known-builds.ts';
import type { CommandContext } from '../options/command-context.ts';
import type { BuildParts, BuildReport, MadeBuild } from './make-build.ts';

/** The result of a build: the known one if the same was made before, else made now; always made now for a report. */
export async function findOrBuild(context: CommandContext, parts: BuildParts): Promise<MadeBuild> {
  const { builds } = workspaceOf(context.images).cache;
  const { runtime } = parts;
  const make = once(async () => {
    const { makeBuild } = await import('./make-build.ts');
    return makeBuild(context, parts, await runtime.open());
  });
  if (builds === undefined || parts.isReported || !isKnownBeforehand(parts)) return make();
  const order = orderOf(parts, await runtime.find());
  const known = await builds.find<BuildReport>(order, async () => (await make()).image);
  parts.steps.lap('look up');
  if (known) return known;
  const made = await make();
  await builds.save(orderOf(parts, await runtime.read()), made);
  return made;
}

/** What a token or a program signs with shows when it signs, and whoever keeps a key there wants to see it used. */
function isKnownBeforehand({ signing }: BuildParts): boolean {
  return signing === undefined || signing.signer.kind === 'pem';
}

function keyOf({ modulus, isForTests }: Signer): object {
  return { modulus, isForTests };
}

/** All that the result and its report depend on, besides gsc itself. */
function orderOf(parts: BuildParts, runtime: unknown): BuildOrder {
  const { app, content, output, epochSeconds, signing } = parts;
  const { image, reference } = app;
  const inputs = {
    ...{ content: content.inputs, runtime, epochSeconds },
    signing: signing && { ...signing, signer: keyOf(signing.signer) },
    ...{ baseName: fullNameOf(reference), notes: image.notes, warnings: image.warnings },
  };
  return { app: image, inputs, name: showReference(output) };
}
