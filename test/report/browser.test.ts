import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, vi } from 'vitest';
import { once } from '../../src/base/once.ts';
import { reportPage } from '../../src/report/page.ts';
import { accessibilityProblems, withPage } from '../support/report/browser.ts';
import { hostileApp, longPath, markup } from '../support/report/hostile-app.ts';
import { type ReportedApp, reportOf } from '../support/report/reported.ts';
import { testWithTool } from '../support/tool.ts';

vi.setConfig({ testTimeout: 300_000 });

const directory = mkdtempSync(join(tmpdir(), 'gsc-report-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function written(name: string, app: ReportedApp): Promise<string> {
  const file = join(directory, `${name}.html`);
  writeFileSync(file, reportPage(await reportOf(app)));
  return file;
}

const large = Array.from(
  { length: 60 },
  (_, i) => [`srv/d${i % 12}/f${i}`, 'x'.repeat(9000 + 1000 * i)] as const,
);

/** A page with something in every part: insecure options, a long value, each colour of the map. */
const rich: ReportedApp = {
  entries: [...large, ['var/lib/data', 'x'.repeat(200_000)], ['data/open', 'x'.repeat(100_000)]],
  run: { Cmd: ['/app', '--flag'], Env: [`LONG=${'word '.repeat(200)}`, `SOLID=${'x'.repeat(2000)}`] },
  insecureArguments: true,
  manifest: 'sgx.allowed_files = ["file:/data"]\nsgx.debug = true\nloader.log_level = "debug"\n',
};

const files = {
  rich: once(() => written('rich', rich)),
  hostile: once(() => written('hostile', hostileApp)),
};
const wide = { viewport: { width: 1100, height: 900 } } as const;
const narrow = { viewport: { width: 320, height: 640 } } as const;

const browserTest = (title: string, run: () => Promise<void>) => testWithTool('chromium', title, run);

describe('a report in a browser', () => {
  browserTest('asks for nothing but itself, and has nothing to complain of', async () => {
    await withPage('/dev/null', wide, async (page) => {
      const [asked, said]: [string[], string[]] = [[], []];
      page.on('request', (request) => asked.push(request.url()));
      page.on('console', (message) => said.push(message.text()));
      page.on('pageerror', (error) => said.push(error.message));
      const file = await files.rich();
      await page.goto(`file://${file}`);
      expect(asked).toEqual([`file://${file}`]);
      expect(said).toEqual([]);
      expect(await page.title()).toBe('result – enclave report');
      expect(await page.getByRole('heading', { level: 2 }).allTextContents()).toEqual([
        'What runs',
        'Insecure options',
        'Where data come from and go to',
        'Files',
        'How long it takes to start',
        'Checks',
        "The enclave's memory",
        'Runtime',
        'Layers',
      ]);
    });
  });

  for (const [name, view] of Object.entries({ wide, narrow })) {
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const which of ['rich', 'hostile'] as const) {
        browserTest(`passes axe-core: ${which}, ${name}, ${colorScheme}`, async () => {
          const options = { ...view, colorScheme, bypassCSP: true };
          const problems = await withPage(await files[which](), options, accessibilityProblems);
          expect(problems).toEqual([]);
        });
      }
    }
  }

  browserTest('is dark where the reader wants it so', async () => {
    const paper = async (colorScheme: 'light' | 'dark') =>
      withPage(await files.rich(), { ...wide, colorScheme }, (page) =>
        page.evaluate<string>('getComputedStyle(document.body).backgroundColor'),
      );
    expect(await paper('light')).toBe('rgb(255, 255, 255)');
    expect(await paper('dark')).toBe('rgb(20, 23, 26)');
  });

  for (const which of ['rich', 'hostile'] as const) {
    for (const width of [320, 400, 641, 1100]) {
      browserTest(`fits a screen of ${width} pixels: ${which}`, async () => {
        const options = { viewport: { width, height: 700 } };
        const [page, screen] = await withPage(await files[which](), options, (page) =>
          page.evaluate<[number, number]>(
            '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
          ),
        );
        expect(page).toBeLessThanOrEqual(screen);
      });
    }
  }

  browserTest('has a map that fills its place, in which boxes do not overlap', async () => {
    const boxes = await withPage(await files.rich(), wide, (page) =>
      page.evaluate<readonly Rectangle[]>(
        `[...document.querySelectorAll('.box')].map((box) => {
          const { left, right, top, bottom } = box.getBoundingClientRect();
          return { left, right, top, bottom, area: (right - left) * (bottom - top) };
        })`,
      ),
    );
    expect(boxes.length).toBeGreaterThan(12);
    for (const [index, one] of boxes.entries())
      for (const other of boxes.slice(index + 1)) expect(overlap(one, other)).toBeLessThan(2);
    const whole = {
      width: Math.max(...boxes.map(({ right }) => right)) - Math.min(...boxes.map(({ left }) => left)),
      height: Math.max(...boxes.map(({ bottom }) => bottom)) - Math.min(...boxes.map(({ top }) => top)),
    };
    const covered = boxes.reduce((sum, { area }) => sum + area, 0);
    expect(covered / (whole.width * whole.height)).toBeCloseTo(1, 2);
  });

  browserTest('shows the colours of what is trusted, left out and open as different ones', async () => {
    const colours = await withPage(await files.rich(), wide, (page) =>
      page.evaluate<readonly string[]>(
        `['trusted', 'left-out', 'host', 'runtime'].map((state) => {
          const { backgroundColor, backgroundImage } = getComputedStyle(document.querySelector('.box.state-' + state));
          return backgroundColor + backgroundImage;
        })`,
      ),
    );
    expect(new Set(colours).size).toBe(4);
  });

  browserTest('prints on white paper, on a few sheets, nothing cut off at the side', async () => {
    const options = { viewport: { width: 680, height: 960 }, colorScheme: 'dark' } as const;
    await withPage(await files.rich(), options, async (page) => {
      const file = join(directory, 'rich.pdf');
      await page.pdf({ path: file, format: 'A4', preferCSSPageSize: true });
      const sheets = readFileSync(file, 'latin1').match(/\/Type \/Page\b/g)?.length ?? 0;
      expect(sheets).toBeGreaterThan(1);
      expect(sheets).toBeLessThanOrEqual(10);
      await page.emulateMedia({ media: 'print' });
      const [paper, nav, width] = await page.evaluate<[string, string, number]>(
        `[getComputedStyle(document.body).backgroundColor,
          getComputedStyle(document.querySelector('nav')).display, document.documentElement.scrollWidth]`,
      );
      expect([paper, nav]).toEqual(['rgb(255, 255, 255)', 'none']);
      expect(width).toBeLessThanOrEqual(680);
    });
  });

  browserTest('of hostile names shows them as text, and runs none of them', async () => {
    await withPage(await files.hostile(), wide, async (page) => {
      expect(await page.title()).toBe('result – enclave report');
      expect(await page.locator('script, img, b b').count()).toBe(0);
      const text = await page.locator('body').innerText();
      for (const shown of [
        markup,
        'gpj\\u202eexe.',
        '\\x1b[31mred\\x07',
        '&lt;b&gt;',
        '<%= 7*7 %>',
        longPath,
      ])
        expect(text).toContain(shown);
      expect(text.replace(/[\n\t]/g, '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    });
  });
});

interface Rectangle {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly area: number;
}

function overlap(one: Rectangle, other: Rectangle): number {
  const width = Math.min(one.right, other.right) - Math.max(one.left, other.left);
  const height = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
  return Math.max(0, width) * Math.max(0, height);
}
