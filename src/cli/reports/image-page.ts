import { resolve } from 'node:path';
import { writeFileAtomically } from '../../base/atomic-file.ts';
import type { OpenedImage } from '../../index.ts';
import { type ImageReport, imageReport } from '../../report/image-report.ts';
import { reportPage } from '../../report/page.ts';
import { type ReadOptions, readGraminizedImage } from '../../verify/graminized-image.ts';
import type { CommandContext } from '../options/command-context.ts';
import { inputsFor, type VerifyInputs } from '../options/verify-options.ts';

/** What a page is made with. */
export interface PageOptions {
  /** What the image is held against. */
  readonly inputs: VerifyInputs;
  /** Layers that were read already. */
  readonly seen?: NonNullable<ReadOptions['seen']>;
}

/** Reads a graminized image, and makes the page that says what it is. Throws what reading it throws. */
export async function makePage(
  { images, host, console }: CommandContext,
  opened: OpenedImage,
  { inputs, seen }: PageOptions,
): Promise<{ readonly report: ImageReport; readonly page: string }> {
  const read = await readGraminizedImage(opened.image, {
    ...{ signal: host.signal, reporter: console },
    ...(seen && { seen }),
  });
  const report = await imageReport(read, await inputsFor(images, opened, inputs));
  return { report, page: reportPage(report) };
}

/** Writes a page whole or not at all; what is there under that name is replaced. */
export async function writePage({ host }: CommandContext, file: string, page: string): Promise<void> {
  await writeFileAtomically(resolve(host.workingDirectory, file), page, { existing: 'replace' });
}

/** What is said of a page: whether a check has failed, since the command's exit code does not say it. */
export function sayFailures({ console }: CommandContext, { checks, isStandIn }: ImageReport): void {
  const failed = checks.flatMap((table) => table.checks.filter(({ result }) => result === 'failed'));
  for (const { name, subject, detail } of failed.slice(0, shownFailures))
    console.warn(`${name} failed: ${subject}: ${detail}`);
  if (failed.length > shownFailures) console.warn(`${failed.length - shownFailures} more checks failed`);
  if (isStandIn)
    console.warn('the runtime in this image is a stand-in for tests: it has no enclave and protects nothing');
}

const shownFailures = 5;

/** The same for `--json`. */
export function pageFacts({ name, isSigned, isVerified, identity, checks }: ImageReport): object {
  const results = checks.flatMap((table) => table.checks.map(({ result }) => result));
  const countOf = (wanted: string) => results.filter((result) => result === wanted).length;
  return {
    image: name,
    signed: isSigned,
    mr_enclave: identity.mrEnclave ?? null,
    verified: isVerified,
    checks: { ok: countOf('ok'), failed: countOf('failed'), not_checked: countOf('not-checked') },
  };
}
