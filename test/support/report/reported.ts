import type { RunConfig } from '../../../src/image/config.ts';
import { type ImageReport, imageReport } from '../../../src/report/image-report.ts';
import { readGraminizedImage } from '../../../src/verify/graminized-image.ts';
import { appImage, staticProgram } from '../graminized/app-image.ts';
import { graminizeApp, type Wishes } from '../graminized/graminized.ts';
import type { MadeEntry } from '../scan/made-layers.ts';

/** An app image to be reported on, and how it is built. */
export interface ReportedApp extends Wishes {
  readonly entries?: readonly MadeEntry[];
  readonly run?: RunConfig;
}

/** The report on an unsigned image of a small app in memory. */
export async function reportOf({
  entries = [],
  run = {},
  ...wishes
}: ReportedApp = {}): Promise<ImageReport> {
  const app = await appImage([[staticProgram(), staticProgram('bin/sh'), ...entries]], {
    Cmd: ['/app'],
    ...run,
  });
  const { image } = await graminizeApp(app, wishes);
  return imageReport(await readGraminizedImage(image));
}
