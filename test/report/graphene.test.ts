import { describe, expect, type TestContext, test, vi } from 'vitest';
import { defaultImagePolicy } from '../../src/policy/image-policy.ts';
import { imageReport } from '../../src/report/image-report.ts';
import { reportPage } from '../../src/report/page.ts';
import { readGraminizedImage } from '../../src/verify/graminized-image.ts';
import { hasNeededTool } from '../support/tool.ts';
import { signedGraphene } from '../support/verify/signed-graphene.ts';

vi.setConfig({ testTimeout: 600_000 });

/** The commit of the first GSC takes the environment from the host. */
const policy = { ...defaultImagePolicy, hostEnvironment: ['*'] };

describe.skipIf(!hasNeededTool('cc'))('a report on an image with Graphene', () => {
  test.each(['f51aafddf', '1.1', '1.2-rc1'] as const)(
    '%s says what one with Gramine does, and names each enclave',
    async (release, ...rest: readonly unknown[]) => {
      const { image, children } = await signedGraphene(rest[0] as TestContext, release);
      const report = await imageReport(await readGraminizedImage(image), { policy });
      expect(report.isVerified).toBe(true);
      expect(report.layers.map(({ role }) => role)).toEqual([
        ...['app image', 'app image', 'runtime', 'manifest and loader', 'signature'],
      ]);
      expect(report.identity.children.length).toBe(children.length);
      for (const { mrEnclave } of report.identity.children) expect(mrEnclave).toMatch(/^[0-9a-f]{64}$/);
      const manifest = report.manifest.value;
      expect(manifest?.program.program).toMatch(/\/bin\/cat$/);
      expect(manifest?.program.environment).toContainEqual({
        ...{ name: 'MODE', value: 'careful', origin: 'manifest' },
      });
      expect(manifest?.files.sums.runtime.count).toBeGreaterThan(3);
      // What starts the enclave is not a file of the application's that was left out.
      expect(manifest?.files.sums['left-out'].count).toBe(0);
      expect(manifest?.hasPredictedStart).toBe(false);
      expect(manifest?.program.moreEnvironment).toEqual(
        release === 'f51aafddf' ? ['All other variables are those of the host.'] : [],
      );
      const { files, fileCount } = report.runtime;
      const library = files.filter(({ path }) => path.startsWith('/graphene/host/lib'));
      expect(library.filter(({ fileCount: many }) => many !== undefined)).toHaveLength(1);
      expect([files.length < 50, fileCount > 100]).toEqual([true, true]);
      expect(files.reduce((sum, { fileCount: many = 1 }) => sum + many, 0)).toBe(fileCount);
      expect(report.enclave.problem).toBeUndefined();
      const page = reportPage(report);
      expect(/.{30}(?:>undefined<|NaN|\[object).{20}/s.exec(page)).toBe(null);
      expect(page.match(/Another enclave/g)?.length ?? 0).toBe(children.length);
    },
  );
});
