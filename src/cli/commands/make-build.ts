import {
  fullNameOf,
  type Graminized,
  graminize,
  type Image,
  type ImageReference,
  type ImageWriter,
  type OpenedImage,
  type Runtime,
  type SignedEnclave,
  type Signer,
  showReference,
  signImage,
} from '../../index.ts';
import type { FoundRuntime } from '../../provision/open-runtime.ts';
import type { KnownBuild } from '../../workspace/known-builds.ts';
import type { CommandContext } from '../options/command-context.ts';
import type { Content } from '../options/content-options.ts';
import { buildFactsToJson, reportBuild } from '../reports/build-report.ts';
import { enclaveToJson, reportSigned } from '../reports/sign-report.ts';
import { type ReportLine, Transcript } from '../reports/transcript.ts';
import { growHeapSlowly } from '../terminal/heap-growth.ts';
import type { Stopwatch } from '../terminal/stopwatch.ts';

/** What goes into a build. */
export interface BuildParts {
  readonly app: OpenedImage;
  readonly runtime: FoundRuntime;
  readonly content: Content;
  readonly output: ImageReference;
  readonly epochSeconds: number | undefined;
  /** Signs at once. */
  readonly signer: Signer | undefined;
  readonly date: string | undefined;
  /** Gets every layer that it does not have yet, while it is read. */
  readonly writer: ImageWriter;
  readonly steps: Stopwatch;
}

/** What is said of a build: on stderr, and with `--json`. */
export interface BuildReport {
  readonly lines: readonly ReportLine[];
  readonly facts: object;
}

/** Graminizes, and signs if asked; loaded only for builds whose result is not known. */
export async function makeBuild(
  context: CommandContext,
  parts: BuildParts,
  runtime: Runtime,
): Promise<KnownBuild<BuildReport>> {
  const graminized = await scanAndGraminize(context, parts, runtime);
  parts.steps.lap('graminize');
  const transcript = new Transcript();
  const facts = { app: parts.app.image, runtime, graminized };
  reportBuild(transcript, facts);
  const { image, enclave } = await signIfAsked(graminized, parts);
  if (enclave) {
    reportSigned(transcript, enclave);
    parts.steps.lap('sign');
  }
  const plain = { ...buildFactsToJson(facts), ...(enclave && enclaveToJson(enclave)) };
  return { image, report: { lines: transcript.lines, facts: plain } };
}

/** Reads every layer of the app image once: into the writer and into the file tree at the same time. */
async function scanAndGraminize(
  { images }: CommandContext,
  { app: { image: app, reference }, writer, content, output, epochSeconds, steps }: BuildParts,
  runtime: Runtime,
): Promise<Graminized> {
  const { tree } = await images.scan(app, { writer });
  steps.lap('read layers');
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
