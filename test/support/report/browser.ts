import { execFileSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import axe from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll } from 'vitest';

/** No sandbox, since tests run as root; no service of the browser's own that would reach for a network. */
const switches = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

let browser: Promise<Browser> | undefined;

afterAll(async () => {
  await (await browser)?.close();
});

/** Playwright wants a path, and Debian has a script there. */
function systemChromium(): string {
  return execFileSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim();
}

/** The system's Chromium, started once in a file of tests. */
function chromiumForTests(): Promise<Browser> {
  browser ??= chromium.launch({ executablePath: systemChromium(), args: switches });
  return browser;
}

/** A page of a file, for the time of `work`. */
export async function withPage<Result>(
  file: string,
  options: BrowserContextOptions,
  work: (page: Page) => Promise<Result>,
): Promise<Result> {
  const context = await (await chromiumForTests()).newContext(options);
  try {
    const page = await context.newPage();
    await page.goto(pathToFileURL(file).href);
    return await work(page);
  } finally {
    await context.close();
  }
}

/** What axe-core finds wrong, each rule with the elements. The page's security policy has to be off for it. */
export async function accessibilityProblems(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<{
    violations: readonly { id: string; help: string; nodes: readonly { html: string }[] }[];
  }>('axe.run()');
  return violations.map(({ id, help, nodes }) => {
    return `${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 100)).join(' | ')}`;
  });
}
