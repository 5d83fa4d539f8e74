import { describe, expect, test } from 'vitest';
import type { RunConfig } from '../../src/image/config.ts';
import { appImage, glibcProgram, staticProgram } from '../support/graminized/app-image.ts';
import { graminizeApp, manifestIn, type Wishes } from '../support/graminized/graminized.ts';
import type { MadeEntry } from '../support/scan/made-layers.ts';
import { ownLibraries } from '../support/user-manifest/attesting-runtime.ts';

interface Given extends Wishes {
  readonly program?: readonly MadeEntry[];
  readonly run?: RunConfig;
}

async function searching(given: Given = {}) {
  const { program = glibcProgram(), run = {}, ...wishes } = given;
  const app = await appImage([program], { Cmd: ['/app'], ...run });
  const { image, loadedLibc, notes } = await graminizeApp(app, wishes);
  const { loader } = await manifestIn(image);
  const value = loader.env.LD_LIBRARY_PATH;
  const parts = typeof value === 'string' ? value.split(':') : [];
  return { value, parts, loadedLibc, notes };
}

const setting = (value: string) => `loader.env.LD_LIBRARY_PATH = ${value}`;
const inImage = '/usr/lib64';

describe("Gramine's C library", () => {
  test.each([
    `"/lib/x86_64-linux-gnu:${inImage}"`,
    `{ value = "${inImage}" }`,
    `"${inImage}:${ownLibraries}"`,
    '""',
  ])('comes first, whatever the manifest says: %s', async (value) => {
    const { value: set, loadedLibc } = await searching({ manifest: setting(value) });
    const text = typeof set === 'string' ? set : (set as { value: string }).value;
    expect(text.split(':')[0]).toBe(ownLibraries);
    expect(text.split(':').filter((part) => part === ownLibraries)).toHaveLength(1);
    expect(loadedLibc).toEqual({ kind: 'runtime', directory: ownLibraries });
  });

  test.each([
    '/gramine/meson_build_output/lib/x86_64-linux-gnu/gramine/runtime/glibc',
    '/usr/lib/x86_64-linux-gnu/gramine/runtime/glibc',
  ])('is found where the runtime is and not in %s', async (place) => {
    const { parts } = await searching({ manifest: setting(`"${place}:/a"`) });
    expect(parts.slice(0, 2)).toEqual([ownLibraries, '/a']);
    expect(parts).not.toContain(place);
    const image = await searching({ run: { Env: [`LD_LIBRARY_PATH=${place}`] } });
    expect(image.parts).not.toContain(place);
  });

  test('is left out where the image has to have its own', async () => {
    const { parts, notes, loadedLibc } = await searching({
      libc: 'image',
      manifest: setting('"/usr/lib/x86_64-linux-gnu/gramine/runtime/glibc:/a"'),
    });
    expect(parts[0]).toBe('/a');
    expect(parts).not.toContain(ownLibraries);
    expect(notes.filter((note) => note.startsWith('LD_LIBRARY_PATH'))).toHaveLength(1);
    expect(loadedLibc).toEqual({ kind: 'image', directory: inImage });
  });
});

describe('what is loaded', () => {
  test("is Gramine's through a mount, although the image's own was chosen", async () => {
    const manifest = `${setting('"/l"')}\nfs.mounts = [{ path = "/l", uri = "file:${ownLibraries}" }]`;
    const { loadedLibc } = await searching({ libc: 'image', manifest });
    expect(loadedLibc).toEqual({ kind: 'runtime', directory: '/l' });
  });

  test('is not known where the host decides, with a note', async () => {
    const { loadedLibc, notes, value } = await searching({ manifest: setting('{ passthrough = true }') });
    expect(value).toEqual({ passthrough: true });
    expect(loadedLibc).toEqual({ kind: 'unknown' });
    expect(notes).toContainEqual(expect.stringContaining('the host decides which C library is loaded'));
  });

  test('is nothing for static programs', async () => {
    const { loadedLibc } = await searching({ program: [staticProgram()] });
    expect(loadedLibc).toEqual({ kind: 'static' });
  });

  test("is the image's where a mount hides Gramine's, and an error where nothing has the loader", async () => {
    const hiding = (...places: readonly string[]) => {
      const mounts = places.map((path) => `{ type = "tmpfs", path = "${path}" }`);
      return searching({ manifest: `fs.mounts = [${mounts.join()}]` });
    };
    expect((await hiding('/gramine')).loadedLibc).toEqual({ kind: 'image', directory: inImage });
    await expect(hiding('/gramine', inImage)).rejects.toMatchObject({
      code: 'entrypoint',
      message: expect.stringContaining('ld-linux-x86-64.so.2'),
    });
  });
});
