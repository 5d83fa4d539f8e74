import { once } from '../../base/once.ts';
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
import { workspaceOf } from '../../library/images.ts';
import type { FoundRuntime } from '../../provision/open-runtime.ts';
import type { BuildOrder, KnownBuild } from '../../workspace/known-builds.ts';
import type { CommandContext } from '../options/command-context.ts';
import type { Content } from '../options/content-options.ts';
import { buildFactsToJson, reportBuild } from '../reports/build-report.ts';
import { enclaveToJson, reportSigned } from '../reports/sign-report.ts';
import { type ReportLine, Transcript } from '../reports/transcript.ts';
import { growHeapSlowly } from '../terminal/heap-growth.ts';

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
}

/** What is said of a build: on stderr, and with `--json`. */
export interface BuildReport {
  readonly lines: readonly ReportLine[];
  readonly facts: object;
}

/** The result of a build: the known one if the same was made before, else made now. */
export async function findOrBuild(
  context: CommandContext,
  parts: BuildParts,
): Promise<KnownBuild<BuildReport>> {
  const { builds } = workspaceOf(context.images).cache;
  const openRuntime = once(() => parts.runtime.open());
  const make = once(async () => makeResult(context, parts, await openRuntime()));
  if (builds === undefined) return make();
  const runtime = parts.runtime.identity ?? withoutContents(await openRuntime());
  const order = orderOf(parts, runtime);
  const known = await builds.find<BuildReport>(order, async () => (await make()).image);
  if (known) return known;
  const made = await make();
  await builds.save(order, made);
  return made;
}

/** All that the result and its report depend on, besides gsc itself. */
function orderOf(parts: BuildParts, runtime: unknown): BuildOrder {
  const { app, content, output, epochSeconds, signer, date } = parts;
  const { image, reference } = app;
  const inputs = {
    ...{ content: content.inputs, runtime, epochSeconds, date, key: signer?.modulus },
    ...{ baseName: fullNameOf(reference), notes: image.notes, warnings: image.warnings },
  };
  return { app: image, inputs, name: showReference(output) };
}

/** Each file is named by its digest. */
function withoutContents({ files, ...runtime }: Runtime): object {
  return { ...runtime, files: files.map(({ path, mode, sha256 }) => ({ path, mode, sha256 })) };
}

async function makeResult(
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
