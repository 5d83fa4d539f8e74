import { describe, expect, it } from 'vitest';
import type { TrustLevel } from '../../src/trust/trust-level.ts';
import { appImage, staticProgram } from '../support/graminized/app-image.ts';
import { graminizeApp, trustedPathsIn, type Wishes } from '../support/graminized/graminized.ts';

const translation = 'usr/share/locale/de/LC_MESSAGES/x.mo';

/** Documentation enough for a mount, a directory link to it, translations, and files that every level keeps. */
async function build(level: TrustLevel, wishes: Wishes = {}, env: readonly string[] = []) {
  const docs = Array.from({ length: 20 }, (_, i) => [`usr/share/doc/x/f${i}`, `doc ${i}`] as const);
  const app = await appImage(
    [
      [
        staticProgram(),
        ...docs,
        ['usr/doc', { link: 'share/doc' }],
        ['usr/include/few/a.h', 'a'],
        ['inc', { link: 'usr/include/few' }],
        ['tmp/x', 'hidden'],
        [translation, 'mo'],
        ['etc/x', 'x'],
      ],
    ],
    { Entrypoint: ['/app'], Env: [...env] },
  );
  return graminizeApp(app, { trustLevel: level, ...wishes });
}

describe('trust level of a build', () => {
  it('lean leaves its classes out of the manifest, full keeps them', async () => {
    const [full, lean] = [await build('full'), await build('lean')];
    expect(await trustedPathsIn(lean.image)).toEqual(['/app', '/etc/x']);
    expect(await trustedPathsIn(full.image)).toHaveLength(25);
    expect(full.trustLevel).toBe('full');
  });

  it.each([
    ['nothing else', {}],
    ['a pattern to trust', { trust: ['/usr/share/doc/**/f1*'] }],
    ['a path to leave out', { exclude: ['/usr/share/doc/x/f1'] }],
    ['a tmpfs of the user', { manifest: '[[fs.mounts]]\ntype = "tmpfs"\npath = "/usr/include"' }],
    ['an allowed file', { manifest: 'sgx.allowed_files = ["file:/usr/share/doc/x/f2"]' }],
  ] satisfies readonly (readonly [string, Wishes])[])(
    'each level predicts the costs that the other one has, with %s',
    async (_, wishes) => {
      const [full, lean] = [await build('full', wishes), await build('lean', wishes)];
      expect(full.startCosts).toEqual(lean.startCosts);
      expect(full.startCosts.full.trustedFileCount).toBe(full.trustedFileCount);
      expect(full.startCosts.lean.trustedFileCount).toBe(lean.trustedFileCount);
      expect(lean.startCosts.lean.predictedSeconds).toBe(lean.predictedStartSeconds);
    },
  );

  it('the program is kept wherever it is, its neighbours are not', async () => {
    const program = staticProgram('usr/share/doc/x/bin/app');
    const app = await appImage([[program, ['usr/share/doc/x/y', 'y']]], {
      Cmd: ['/usr/share/doc/x/bin/app'],
    });
    const lean = await graminizeApp(app, { trustLevel: 'lean', exclude: ['/usr/share/doc/x/bin/*'] });
    expect(await trustedPathsIn(lean.image)).toEqual(['/usr/share/doc/x/bin/app']);
    expect(lean.notes).toContainEqual(expect.stringMatching(/ignored: the program cannot start without it/));
  });

  const none = { volumes: [], secrets: [], environment: [], files: [] };
  const asked = { ...none, environment: [{ kind: 'value', name: 'LANGUAGE', value: 'de' }] } as const;
  it.each([
    ['the image', {}, ['LANG=de_DE.UTF-8']],
    ['an option', { choices: asked }, []],
    ['a manifest', { manifest: 'loader.env.LC_ALL = { passthrough = true }' }, []],
    ['the host', { manifest: 'loader.insecure__use_host_env = true' }, []],
  ] satisfies readonly (readonly [string, Wishes, string[]])[])(
    'lean keeps translations where %s may ask for a language',
    async (_, wishes, env) => {
      const lean = await build('lean', wishes, env);
      expect(await trustedPathsIn(lean.image)).toContain(`/${translation}`);
      const silent = await build('lean', {}, ['LANG=C.UTF-8']);
      expect(await trustedPathsIn(silent.image)).not.toContain(`/${translation}`);
    },
  );
});
