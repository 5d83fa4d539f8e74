import { describe, expect, test } from 'vitest';
import { imagePath } from '../../src/base/image-path.ts';
import { reportPage } from '../../src/report/page.ts';
import { hostileApp, longName, longPath } from '../support/report/hostile-app.ts';
import { reportOf } from '../support/report/reported.ts';

/** The names of all elements of a page, and of their attributes. */
function elementsOf(page: string): ReadonlySet<string> {
  const markup = page.replace(/<style>.*?<\/style>/s, '');
  const tags = [...markup.matchAll(/<([a-z0-9]+)((?:\s+[a-z-]+(?:="[^"]*")?)*)\s*>/g)];
  const attributes = tags.flatMap(([, , list = '']) =>
    [...list.matchAll(/\s([a-z-]+)(?:="[^"]*")?/g)].map(([, name]) => `@${name}`),
  );
  return new Set([...tags.map(([, name = '']) => name), ...attributes]);
}

describe('a page', () => {
  test('is the same for the same image, and has no time in it', async () => {
    const [one, other] = [await reportOf(), await reportOf()].map(reportPage);
    expect(one).toBe(other);
    expect(one).not.toMatch(new RegExp(`${new Date().getFullYear()}-\\d\\d-\\d\\d`));
  });

  test('needs nothing else: no script, no link that loads, and a policy that forbids both', async () => {
    const page = reportPage(await reportOf());
    expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
    expect(page).not.toMatch(/<(?:script|link|img|iframe|object|form)\b|\bsrc=|url\(|@import|javascript:/);
    expect([...page.matchAll(/href="([^"]*)"/g)].every(([, target]) => target?.startsWith('#'))).toBe(true);
  });

  test('has each part once, with what its links lead to', async () => {
    const page = reportPage(await reportOf());
    const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    const targets = [...page.matchAll(/href="#([^"]*)"/g)].map(([, id]) => id);
    expect(ids).toEqual([
      ...['program', 'insecure', 'data', 'files', 'start', 'checks', 'enclave', 'runtime', 'layers'],
    ]);
    expect(targets).toEqual(ids);
    expect(page).not.toMatch(/undefined|\[object|NaN/);
  });

  test('of hostile names has the elements of any page, and the names as text', async () => {
    const plain = elementsOf(reportPage(await reportOf({ run: { ExposedPorts: { '1/tcp': {} } } })));
    const page = reportPage(await reportOf(hostileApp));
    expect([...elementsOf(page)].filter((name) => !plain.has(name))).toEqual([]);
    expect(page).toContain('&lt;img src=x onerror=&quot;document.title=1&quot;&gt;');
    expect(page).toContain('gpj\\u202eexe.');
    expect(page).toContain('\\x1b[31mred\\x07');
    expect(page).toContain('&lt;%= 7*7 %&gt;');
    expect(page).toContain('&amp;lt;b&amp;gt;');
    expect(page).toContain('second line');
    expect(page).toContain(longName);
    expect(page).toContain(longPath);
    expect(page.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
  });

  test('shows a name that is not UTF-8', async () => {
    const report = await reportOf({ entries: [['srv/x/y', 'x'.repeat(400_000)]] });
    const known = report.manifest.value as NonNullable<typeof report.manifest.value>;
    const places = known.files.places.map((place) => ({ ...place, path: imagePath('/srv/caf\xe9\xff') }));
    const files = { ...known.files, places };
    expect(reportPage({ ...report, manifest: { value: { ...known, files } } })).toContain('/srv/caf\ufffd');
  });

  test('of a manifest that cannot be read says so, and has what is known without it', async () => {
    const report = { ...(await reportOf()), manifest: { problem: 'line 3: <b>broken</b>' } };
    const page = reportPage(report);
    expect(page).toContain('line 3: &lt;b&gt;broken&lt;/b&gt;');
    expect(page).toContain('id="checks"');
    expect(page).not.toContain('id="program"');
  });

  test('of an enclave that cannot be laid out says why', async () => {
    const page = reportPage({ ...(await reportOf()), enclave: { problem: 'too small' } });
    expect(page).toContain('It cannot be laid out: too small');
  });
});
