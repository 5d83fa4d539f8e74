import { describe, expect, type TestContext, test, vi } from 'vitest';
import { imageReport } from '../../src/report/image-report.ts';
import { reportPage } from '../../src/report/page.ts';
import { readGraminizedImage } from '../../src/verify/graminized-image.ts';
import { hasNeededTool } from '../support/tool.ts';
import { AttackedImage } from '../support/verify/attacked-image.ts';
import { attacks } from '../support/verify/attacks.ts';
import { signedApp } from '../support/verify/signed-app.ts';

vi.setConfig({ testTimeout: 600_000 });

describe.skipIf(!hasNeededTool('cc'))('a report on an image that was attacked', () => {
  test.each(attacks.map((attack) => [attack.title, attack] as const))(
    'is written all the same, and names %s',
    async (_, { change, check, names }, ...rest: readonly unknown[]) => {
      const image = await AttackedImage.of((await signedApp(rest[0] as TestContext)).image);
      change(image);
      const report = await imageReport(await readGraminizedImage(await image.build()));
      const failed = report.checks
        .flatMap((table) => table.checks)
        .filter(({ name, result }) => name === check && result === 'failed')
        .map(({ subject, detail, lines = [] }) => [`${subject}: ${detail}`, ...lines].join('\n'));
      expect([report.isVerified, failed.some((text) => names.test(text))], failed.join('\n')).toEqual([
        false,
        true,
      ]);
      expect(reportPage(report)).toMatch(/^<!DOCTYPE html>.*Not (?:verified|signed): .*<\/html>\n$/s);
    },
  );
});
