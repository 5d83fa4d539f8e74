import {
  fullNameOf,
  type Graminized,
  graminize,
  type Image,
  type Runtime,
  type SignedEnclave,
  showReference,
  signImage,
} from '../../index.ts';
import type { KnownBuild } from '../../workspace/known-builds.ts';
import type { CommandContext } from '../options/command-context.ts';
import { buildFactsToJson, reportBuild } from '../reports/build-report.ts';
import { enclaveToJson, reportSigned } from '../reports/sign-report.ts';
import { Transcript } from '../reports/transcript.ts';
import { growHeapSlowly } from '../terminal/heap-growth.ts';
import type { BuildParts, BuildReport } from './build-result.ts';

/** Graminizes, and signs if asked; loaded only for builds whose result is not known. */
export async function makeBuild(
  context: CommandContext,
  parts: BuildParts,
  runtime: Runtime,
): Promise<KnownBuild<BuildReport>> {
  const graminized = await scanAndGraminize(context, parts, runtime);
  const transcript = new Transcript();
  const facts = { app: parts.app.image, runtime, graminized };
  reportBuild(transcript, facts);
  const { image, enclave } = await signIfAsked(graminized, parts);
  if (enclave) reportSigned(transcript, enclave);
  const plain = { ...buildFactsToJson(facts), ...(enclave && enclaveToJson(enclave)) };
  return { image, report: { lines: transcript.lines, facts: plain } };
}

/** Reads every layer of the app image once: into the writer and into the file tree at the same time. */
async function scanAndGraminize(
  { images }: CommandContext,
  { app: { image: app, reference }, writer, content, output, epochSeconds }: BuildParts,
  runtime: Runtime,
): Promise<Graminized> {
  const { tree } = await images.scan(app, { writer });
  growHeapSlowly();
  const baseName = fullNameOf(reference);
  return graminize(app, runtime, {
    ...content.wishes,
    tree,
    name: showReference(output),
    ...(baseName !== undefined && { baseName }),
    ...(epochSeconds !== undefined && { epochSeconds }),
  });
}

async function signIfAsked(
  unsigned: Graminized,
  { signer, date }: BuildParts,
): Promise<{ readonly image: Image; readonly enclave?: SignedEnclave }> {
  if (signer === undefined) return { image: unsigned.image };
  return signImage(unsigned, { signer, ...(date !== undefined && { date }) });
}
