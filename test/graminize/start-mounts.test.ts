import { describe, expect, test } from 'vitest';
import type { RunConfig } from '../../src/image/config.ts';
import { appImage, staticProgram } from '../support/graminized/app-image.ts';
import { graminizeApp, manifestIn, trustedPathsIn, type Wishes } from '../support/graminized/graminized.ts';
import type { MadeEntry } from '../support/scan/made-layers.ts';

/** The mounts on top of gsc's tmpfs, what is trusted, and what is said. */
async function keptIn(entries: readonly MadeEntry[], run: RunConfig, wishes: Wishes = {}) {
  const { image, notes } = await graminizeApp(await appImage([entries], run), wishes);
  const { fs } = await manifestIn(image);
  const below = fs.mounts.filter(({ path }) => /^\/(?:tmp|run|var\/tmp)\/./.test(path));
  return {
    mounts: below.map(({ type, path, uri }) => `${type} ${path}${uri ? ` ${uri}` : ''}`),
    trusted: await trustedPathsIn(image),
    notes,
  };
}

const needed = (path: string) => expect.stringMatching(`^${path} is in a tmpfs and is needed for the start`);
const script: MadeEntry = ['tmp/app/run.sh', '#!/bin/sh\n. /tmp/app/lib.sh\n', 0o755];

describe('a program below a scratch place', () => {
  test('is mounted on top of the tmpfs with the directory that it is in', async () => {
    const entries = [staticProgram('bin/sh'), script, ['tmp/app/lib.sh', 'x']] as const;
    const found = await keptIn(entries, { Cmd: ['/tmp/app/run.sh'] });
    expect(found.mounts).toEqual(['chroot /tmp/app file:/tmp/app']);
    expect(found.trusted).toEqual(['/bin/sh', '/tmp/app/lib.sh', '/tmp/app/run.sh']);
    expect(found.notes).toContainEqual(needed('/tmp/app'));
  });

  test('is mounted with all of its tree, though it is deeper', async () => {
    const entries = [staticProgram('run/tool/bin/app'), ['run/tool/lib/x', 'x']] as const;
    const { mounts, trusted } = await keptIn(entries, { Cmd: ['/run/tool/bin/app'] });
    expect(mounts).toEqual(['chroot /run/tool file:/run/tool']);
    expect(trusted).toContain('/run/tool/lib/x');
  });

  test('is reported with the option that trusts its neighbours, where a rule leaves them out', async () => {
    const entries = [staticProgram('var/tmp/tool/bin/app'), ['var/tmp/tool/lib/x', 'x']] as const;
    const run = { Cmd: ['/var/tmp/tool/bin/app'] };
    const { notes, trusted } = await keptIn(entries, run);
    expect(trusted).toEqual(['/var/tmp/tool/bin/app']);
    expect(notes).toEqual([
      needed('/var/tmp/tool'),
      expect.stringMatching(/not trusted: 1; --trust \/var\/tmp\/tool trusts them$/),
    ]);
    const trusting = await keptIn(entries, run, { trust: ['/var/tmp/tool'] });
    expect(trusting.trusted).toContain('/var/tmp/tool/lib/x');
    expect(trusting.notes).toEqual([needed('/var/tmp/tool')]);
  });

  test('directly in it is mounted alone, and its neighbours are named, as they are not there', async () => {
    const neighbours = ['b', 'c', 'd/e', 'f', 'g', 'h'].map((name): MadeEntry => [`tmp/${name}`, name]);
    const entries = [staticProgram('tmp/app'), ...neighbours, ['tmp/empty', null]] as readonly MadeEntry[];
    const { mounts, trusted, notes } = await keptIn(entries, { Cmd: ['/tmp/app'] });
    expect(mounts).toEqual(['chroot /tmp/app file:/tmp/app']);
    expect(trusted).toEqual(['/tmp/app']);
    expect(notes).toEqual([
      needed('/tmp/app'),
      expect.stringMatching(/^\/tmp is a tmpfs, which hides .* next to app: b, c, d, f, g and 1 more;/),
    ]);
  });

  test('alone in it has no neighbours to be named', async () => {
    const { notes } = await keptIn([staticProgram('tmp/app')], { Cmd: ['/tmp/app'] });
    expect(notes).toEqual([needed('/tmp/app')]);
  });

  test('stays its own place where the working directory below it is empty', async () => {
    const entries = [staticProgram('tmp/app/run'), ['tmp/app/work', null]] as const;
    const { mounts } = await keptIn(entries, { Cmd: ['/tmp/app/run'], WorkingDir: '/tmp/app/work' });
    expect(mounts).toEqual(['chroot /tmp/app file:/tmp/app', 'tmpfs /tmp/app/work']);
  });

  test('is where the manifest mounts something, if it does', async () => {
    const manifest = 'fs.mounts = [{ type = "chroot", path = "/tmp/app", uri = "file:/tmp/app" }]';
    const { mounts, notes } = await keptIn(
      [staticProgram('tmp/app/run')],
      { Cmd: ['/tmp/app/run'] },
      { manifest },
    );
    expect(mounts).toEqual(['chroot /tmp/app file:/tmp/app']);
    expect(notes).toEqual([]);
  });
});

describe('a file below a scratch place that an argument names', () => {
  const python = staticProgram('bin/python3');
  const main: MadeEntry = ['tmp/app/main.py', 'import helper'];

  test.each([
    ['by its path', ['/bin/python3', '/tmp/app/main.py'], '/'],
    ['from the working directory', ['/bin/python3', 'app/main.py'], '/tmp'],
    ['in a command for a shell', ['/bin/python3', '-c', 'exec python3 /tmp/app/main.py; true'], '/'],
  ])('is kept with its directory: %s', async (_, Cmd, WorkingDir) => {
    const entries = [python, main, ['tmp/app/helper.py', 'x']] as const;
    const { mounts, trusted } = await keptIn(entries, { Cmd, WorkingDir });
    expect(mounts).toEqual(['chroot /tmp/app file:/tmp/app']);
    expect(trusted).toContain('/tmp/app/helper.py');
  });

  test("is that of the manifest's arguments, where it has some", async () => {
    const entries = [python, main, ['tmp/other/main.py', 'x']] as const;
    const manifest = 'loader.argv = ["python3", "/tmp/other/main.py"]';
    const { mounts } = await keptIn(entries, { Cmd: ['/bin/python3', '/tmp/app/main.py'] }, { manifest });
    expect(mounts).toEqual(['chroot /tmp/other file:/tmp/other']);
  });

  test('is nothing that the image does not have, and no directory, which may be there to be written to', async () => {
    const entries = [python, main] as const;
    const Cmd = ['/bin/python3', '--pid', '/run/app.pid', '--data', '/tmp/app'];
    expect((await keptIn(entries, { Cmd })).mounts).toEqual([]);
  });
});
