import { describe, expect, test } from 'vitest';
import { imagePath } from '../../src/base/image-path.ts';
import { explainPath } from '../../src/inspect/explain-path.ts';
import { explainableBuild } from '../../src/inspect/explainable-image.ts';
import { parseProfile } from '../../src/profile/profile-text.ts';
import { scanImage } from '../../src/scan/scan-image.ts';
import { appImage, glibcProgram } from '../support/graminized/app-image.ts';
import { graminizeApp, trustedPathsIn, type Wishes } from '../support/graminized/graminized.ts';

const library = 'usr/lib/x86_64-linux-gnu';

async function app() {
  return appImage(
    [
      [
        ...glibcProgram(),
        [`${library}/libz.so.1.2`, 'z'],
        [`${library}/libz.so.1`, { link: 'libz.so.1.2' }],
        [`${library}/libother.so`, 'o'],
        ['lib', { link: 'usr/lib' }],
        ['etc/app/a.conf', 'a'],
        ['etc/app/b.conf', 'b'],
        ['etc/nsswitch.conf', 'n'],
        ['etc/hosts', 'h'],
        ['srv/page', 'p'],
        ['srv/other', 'o'],
        ['var/www/index.html', 'i'],
        ['var/www/late.html', 'l'],
      ],
    ],
    { Entrypoint: ['/app'] },
  );
}

async function build(profile: string, wishes: Wishes = {}) {
  const given = { subject: 'app.profile', profile: parseProfile(Buffer.from(profile), 'app.profile') };
  return graminizeApp(await app(), { ...wishes, profile: given });
}

/** Trusted paths of the app image under their real directories; those of the runtime are in every list. */
async function trustedBy(profile: string, wishes: Wishes = {}): Promise<readonly string[]> {
  const paths = await trustedPathsIn((await build(profile, wishes)).image);
  return paths.filter((path) => !/^\/(gramine|lib|lib64)\//.test(path));
}

const always = [
  '/app',
  '/etc/nsswitch.conf',
  '/usr/lib/x86_64-linux-gnu/libc.so.6',
  '/usr/lib64/ld-linux-x86-64.so.2',
];

describe('a build with a profile trusts', () => {
  test('what starting takes and what names are looked up through, with an empty one', async () => {
    expect(await trustedBy('')).toEqual(always);
  });

  test('what it names and what guards add to that, no more', async () => {
    expect(await trustedBy('/srv/page\n/etc/app/a.conf\n')).toEqual(
      [...always, '/etc/app/a.conf', '/etc/app/b.conf', '/srv/page'].sort(),
    );
  });

  test('a library under the name of its link and under its own, by either, through links to directories', async () => {
    const both = [...always, `/${library}/libz.so.1`, `/${library}/libz.so.1.2`].sort();
    for (const name of [
      `/${library}/libz.so.1`,
      `/${library}/libz.so.1.2`,
      '/lib/x86_64-linux-gnu/libz.so.1',
    ])
      expect(await trustedBy(`${name}\n`)).toEqual(both);
  });

  test('all that a pattern or a directory of it stands for', async () => {
    expect(await trustedBy('/srv/*\n')).toEqual([...always, '/srv/other', '/srv/page'].sort());
    expect(await trustedBy('/srv\n')).toEqual([...always, '/srv/other', '/srv/page'].sort());
  });

  test('what a built-in rule leaves out, unless the engine replaces it', async () => {
    expect(await trustedBy('/var/www/index.html\n/etc/hosts\n')).toEqual(
      [...always, '/var/www/index.html'].sort(),
    );
  });

  test('what --trust names too, and not what --exclude does', async () => {
    const wishes = { trust: ['/srv/other'], exclude: ['/srv/page', '/var/www'] };
    expect(await trustedBy('/srv/page\n/var/www/index.html\n', wishes)).toEqual(
      [...always, '/srv/other'].sort(),
    );
  });
});

describe('the report of a build with a profile', () => {
  test('says why each file is trusted, and what is not in the image', async () => {
    const { profileBasis, notes } = await build(
      '/srv/page  # opened by app (2)\n/etc/app/a.conf\n/nowhere\n',
    );
    const basisOf = (path: string) => profileBasis?.get(imagePath(path));
    expect(basisOf('/srv/page')).toEqual({ kind: 'traced', byProgram: new Map([['app', 2]]) });
    expect(basisOf('/etc/app/b.conf')).toEqual({
      kind: 'guarded',
      reason: expect.stringMatching(/^configuration/),
    });
    expect(basisOf('/app')).toEqual({ kind: 'required' });
    expect(basisOf('/srv/other')).toBeUndefined();
    expect(notes).toContainEqual(
      expect.stringMatching(/^app\.profile: the image has nothing for \/nowhere: trace it again/),
    );
  });

  test('has the cost of each list, the own one as it is', async () => {
    const { startCosts, trustedFileCount, exclusions } = await build('/srv/page\n').then((built) => ({
      ...built,
      exclusions: built.selection.exclusions,
    }));
    expect(startCosts.traced?.trustedFileCount).toBe(trustedFileCount);
    expect(startCosts.full.trustedFileCount).toBeGreaterThan(trustedFileCount);
    expect(exclusions).toContainEqual(
      expect.objectContaining({ rule: 'app.profile', origin: 'profile', count: 5 }),
    );
  });

  test('lets explain say about a path whether it was traced, guarded or left out', async () => {
    const image = await app();
    const built = await build('/srv/page  # opened by app (2)\n/etc/app/a.conf\n');
    const { indexes } = await scanImage(image);
    const explainable = await explainableBuild(built, indexes);
    const verdictOn = (path: string) => explainPath(explainable, imagePath(path)).verdict;
    expect(verdictOn('/srv/page')).toMatchObject({ kind: 'trusted', basis: { kind: 'traced' } });
    expect(verdictOn('/etc/app/b.conf')).toMatchObject({ kind: 'trusted', basis: { kind: 'guarded' } });
    expect(verdictOn('/srv/other')).toMatchObject({
      kind: 'refused',
      exclusion: { origin: 'profile', rule: 'app.profile' },
    });
  });

  test('is the same for the same profile, whatever the order of its lines', async () => {
    const digests = await Promise.all(
      ['/srv/page\n/etc/app/a.conf\n', '/etc/app/a.conf  # a note\n/srv/page\n'].map(
        async (text) => (await build(text)).image.configDescriptor.digest,
      ),
    );
    expect(new Set(digests).size).toBe(1);
  });
});
