import { describe, expect, test } from 'vitest';
import type { RunConfig } from '../../src/image/config.ts';
import { appImage, glibcProgram, staticProgram } from '../support/graminized/app-image.ts';
import { graminizeApp, manifestIn, type Wishes } from '../support/graminized/graminized.ts';
import { makeElf } from '../support/runtime/make-elf.ts';
import type { MadeEntry } from '../support/scan/made-layers.ts';
import { attestingRuntime, ownLibraries } from '../support/user-manifest/attesting-runtime.ts';

interface Given extends Wishes {
  readonly program?: readonly MadeEntry[];
  readonly entries?: readonly MadeEntry[];
  readonly run?: RunConfig;
}

async function preloading(words: string | undefined, given: Given = {}) {
  const { program = glibcProgram(), entries = [], run = {}, ...wishes } = given;
  const app = await appImage([[...program, ...entries]], { Cmd: ['/app'], ...run });
  const manifest = words === undefined ? '' : `loader.env.LD_PRELOAD = "${words}"`;
  const options = { manifest, runtime: await attestingRuntime(), ...wishes };
  const result = await graminizeApp(app, options);
  const { loader, sgx } = await manifestIn(result.image);
  return {
    value: loader.env.LD_PRELOAD,
    notes: result.notes.filter((note) => note.includes('LD_PRELOAD')),
    uris: sgx.trusted_files.map(({ uri }) => uri),
  };
}

const dropping = {
  volumes: [],
  secrets: [],
  files: [],
  environment: [{ kind: 'value', name: 'LD_PRELOAD', value: '' }],
} as const;

const own = `${ownLibraries}/libsecret_prov_attest.so`;
const musl: readonly MadeEntry[] = [
  ['lib/ld-musl-x86_64.so.1', makeElf({ soname: 'ld-musl-x86_64.so.1' }), 0o755],
  ['app', makeElf({ interpreter: '/lib/ld-musl-x86_64.so.1' }), 0o755],
];

describe('libraries of the runtime', () => {
  test.each([
    '/gramine/meson_build_output/lib/x86_64-linux-gnu/libsecret_prov_attest.so',
    '/usr/lib/x86_64-linux-gnu/gramine/runtime/glibc/libsecret_prov_attest.so',
    '/usr/local/lib/libsecret_prov_attest.so',
    'libs/libsecret_prov_attest.so',
  ])('%s is found where the runtime is, and is trusted', async (word) => {
    for (const libc of ['runtime', 'image'] as const) {
      const { value, notes, uris } = await preloading(word, { libc });
      expect(value).toBe(own);
      expect(uris).toContain(`file:${own}`);
      expect(notes).toEqual([expect.stringContaining(`${word} became ${own}`)]);
    }
  });

  test('a bare name stays where the library path has it, and is made a path where not', async () => {
    const word = 'libsecret_prov_attest.so';
    expect(await preloading(word)).toMatchObject({ value: word, notes: [] });
    expect(await preloading(word, { libc: 'image' })).toMatchObject({ value: own });
  });

  test('what the image itself has comes first', async () => {
    const entries: MadeEntry[] = [['l/libsecret_prov_attest.so', 'own']];
    const { value, uris } = await preloading('/l/libsecret_prov_attest.so', { entries });
    expect(value).toBe('/l/libsecret_prov_attest.so');
    expect(uris).toContain('file:/l/libsecret_prov_attest.so');
  });

  test('one for glibc is none for a program on musl', async () => {
    const made = preloading('/x/libsecret_prov_attest.so', { program: musl });
    await expect(made).rejects.toMatchObject({
      code: 'manifest',
      message: expect.stringContaining('nor the runtime'),
    });
  });

  test('a static program gets it for its children, with a warning that it ignores it itself', async () => {
    const { value, notes, uris } = await preloading('/x/libsecret_prov_attest.so', {
      program: [staticProgram()],
    });
    expect(value).toBe(own);
    expect(uris).toContain(`file:${own}`);
    expect(notes).toContainEqual(expect.stringContaining('static'));
  });
});

describe('libraries of the image', () => {
  const entries: MadeEntry[] = [
    ['l/a.so', 'a'],
    ['usr/lib/x86_64-linux-gnu/b.so', 'b'],
    ['work/c.so', 'c'],
    ['var/lib/d.so', 'd'],
  ];
  const run = { WorkingDir: '/work' };

  test('are found by path, from the working directory, and by name on the library path', async () => {
    const words = '/l/a.so:b.so ./c.so';
    const { value, notes } = await preloading(words, { entries, run });
    expect(value).toBe(words);
    expect(notes).toEqual([]);
  });

  test('are trusted although a rule leaves their place out', async () => {
    const { uris } = await preloading('/var/lib/d.so', { entries });
    expect(uris).toContain('file:/var/lib/d.so');
  });

  test.each(['/none.so', 'none.so', 'l/none.so', '/l', '/tmp/x.so', '/l/a.so:/none.so'])(
    'that are missing are an error with a place and a way out: %s',
    async (words) => {
      const made = preloading(words, { entries: [...entries, ['tmp/x.so', 'x']] });
      await expect(made).rejects.toMatchObject({
        code: 'manifest',
        subject: 'user.manifest:1:12: loader.env.LD_PRELOAD',
        hint: expect.stringMatching(/--file .*--env LD_PRELOAD=/),
      });
    },
  );

  test("missing ones of the image's own environment are an error too", async () => {
    const made = preloading(undefined, { run: { Env: ['LD_PRELOAD=/none.so'] } });
    await expect(made).rejects.toMatchObject({
      code: 'entrypoint',
      hint: expect.stringContaining('--env LD_PRELOAD='),
    });
  });

  test('missing ones are dropped, with a warning, where --env decides the variable', async () => {
    const ofManifest = await preloading('/none.so:/l/a.so', { entries, choices: dropping });
    const ofImage = await preloading('/l/a.so', {
      entries,
      run: { Env: ['LD_PRELOAD=/none.so'] },
      choices: dropping,
    });
    for (const { value } of [ofManifest, ofImage]) expect(value).toBe('/l/a.so');
    expect(ofManifest.notes).toEqual([expect.stringContaining('/none.so is dropped')]);
  });

  test('of a static program with none of its own are as outside: nothing loads them', async () => {
    const { value, notes } = await preloading(undefined, {
      program: [staticProgram()],
      run: { Env: ['LD_PRELOAD=/none.so'] },
    });
    expect(value).toBe('');
    expect(notes[0]).toContain('/none.so is dropped');
  });

  test('that a container will have, and names that only the loader reads, are left to it', async () => {
    const manifest = 'loader.env.LD_PRELOAD = "/later/x.so:/$LIB/y.so"\nsgx.allowed_files = ["file:/later/"]';
    const { value, notes } = await preloading(undefined, { manifest });
    expect(value).toBe('/later/x.so:/$LIB/y.so');
    expect(notes).toEqual([]);
  });
});
