import {
  type EnclaveOverrides,
  type Graminized,
  graminize,
  type ImageReference,
  type ImageWriter,
  type OpenedImage,
  type Runtime,
  type SignedImage,
  type Signer,
  signImage,
} from '../../index.ts';
import { scanLayers } from '../../library/images.ts';
import { fullNameOf, showReference } from '../../parts.ts';
import type { ReadOptions } from '../../verify/graminized-image.ts';
import { ObservedContents } from '../../verify/observed-contents.ts';
import type { KnownBuild } from '../../workspace/known-builds.ts';
import type { CommandContext } from '../options/command-context.ts';
import type { Content } from '../options/content-options.ts';
import { buildFactsToJson, reportBuild, reportPredictedStart } from '../reports/build-report.ts';
import { enclavesToJson, reportOverrides, reportSigned } from '../reports/sign-report.ts';
import { type ReportLine, Transcript } from '../reports/transcript.ts';
import { growHeapSlowly } from '../terminal/heap-growth.ts';
import type { Stopwatch } from '../terminal/stopwatch.ts';
import type { BuildRuntime } from './build-runtime.ts';

/** What goes into a build. */
export interface BuildParts {
  readonly app: OpenedImage;
  readonly runtime: BuildRuntime;
  readonly content: Content;
  readonly output: ImageReference;
  readonly epochSeconds: number | undefined;
  /** Signs at once. */
  readonly signing: SigningParts | undefined;
  /** Gets every layer that it does not have yet, while it is read. */
  readonly writer: ImageWriter;
  readonly steps: Stopwatch;
  /** The app image's layers are looked into, for a report on the result. */
  readonly isReported: boolean;
}

/** A build, and what was seen of the app image's layers if it is reported. */
export interface MadeBuild extends KnownBuild<BuildReport> {
  readonly seen?: NonNullable<ReadOptions['seen']>;
}

/** How a build is signed. */
export interface SigningParts {
  readonly signer: Signer;
  readonly date: string | undefined;
  readonly overrides: EnclaveOverrides;
  readonly allowsDebug: boolean;
}

/** What is said of a build: on stderr, and with `--json`. */
export interface BuildReport {
  readonly lines: readonly ReportLine[];
  readonly facts: object;
  /** What `docker run` needs besides, said once the result is stored. */
  readonly runOptions: readonly string[];
}

/** Graminizes, and signs if asked; loaded only for builds whose result is not known. */
export async function makeBuild(
  context: CommandContext,
  parts: BuildParts,
  runtime: Runtime,
): Promise<MadeBuild> {
  const { graminized, seen } = await scanAndGraminize(context, parts, runtime);
  parts.steps.lap('graminize');
  const transcript = new Transcript();
  const facts = { app: parts.app.image, runtime, graminized };
  reportBuild(transcript, facts);
  const signed = parts.signing && (await sign(context, graminized, parts.signing));
  if (signed) {
    reportOverrides(transcript, signed.applied);
    reportSigned(transcript, signed.enclaves);
    parts.steps.lap('sign');
  }
  reportPredictedStart(transcript, facts);
  const { image } = signed ?? graminized;
  const plain = { ...buildFactsToJson(facts), ...(signed && enclavesToJson(signed.enclaves)) };
  const { runOptions } = graminized;
  const report = { lines: transcript.lines, facts: plain, runOptions };
  return { image, report, ...(seen && { seen }) };
}

/** Reads every layer of the app image once: into the writer and into the file tree at the same time. */
async function scanAndGraminize(
  { images }: CommandContext,
  { app: { image: app, reference }, writer, content, output, epochSeconds, steps, isReported }: BuildParts,
  runtime: Runtime,
): Promise<{ readonly graminized: Graminized } & Pick<MadeBuild, 'seen'>> {
  const contents = isReported ? new ObservedContents() : undefined;
  const { tree, indexes } = await scanLayers(images, app, {
    writer,
    ...(contents && { observer: contents }),
  });
  steps.lap('read layers');
  growHeapSlowly();
  const baseName = fullNameOf(reference);
  const graminized = await graminize(app, runtime, {
    ...content.wishes,
    tree,
    name: showReference(output),
    ...(baseName !== undefined && { baseName }),
    ...(epochSeconds !== undefined && { epochSeconds }),
  });
  return { graminized, ...(contents && { seen: { indexes, contents } }) };
}

function sign({ images }: CommandContext, unsigned: Graminized, signing: SigningParts): Promise<SignedImage> {
  const { date, ...options } = signing;
  return signImage(unsigned, {
    ...options,
    ...(images.measurements && { measurements: images.measurements }),
    ...(date !== undefined && { date }),
  });
}
