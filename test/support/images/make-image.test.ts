import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { hasTool, testWithTool } from '../tool.ts';
import { cachedDirectory } from './cache.ts';
import { engineForTest, imageForTest } from './image-for-test.ts';
import { type ImageName, imageNames, makeImage } from './make-image.ts';

// A Debian system is fetched at the first time.
vi.setConfig({ testTimeout: 300_000 });

const outputs: Readonly<Record<ImageName, { readonly command: readonly string[]; readonly output: string }>> =
  {
    node: {
      command: ['-e', 'console.log(process.getuid(), process.cwd(), JSON.stringify(process.env.GREETING))'],
      output: '1000 /app "good day\\nto \\"you\\" \\\\ é"\n',
    },
    busybox: { command: ['cat', '/srv/www/index.html'], output: '<!doctype html><p>busybox\n' },
    scratch: {
      command: [],
      output: 'good morning from /hello as 0:0\nargument 1: world\nargument 2: two words\n',
    },
    musl: { command: [], output: 'hello from greet as 1000:1000\nargument 1: --name\nargument 2: musl\n' },
    'debian-python': {
      command: [],
      output:
        '{"argv": ["/app/main.py", "one", "two words"], "uid": 0, "cwd": "/app", "greeting": "hello"}\n',
    },
  };

for (const name of imageNames) {
  test(`the ${name} image runs in a Docker Engine`, async (context) => {
    const engine = await engineForTest(context);
    const image = await imageForTest(context, name);
    await engine.load(image.reference, `test/${name}:1`);
    const run = ['run', '--rm', '--network=none', '--security-opt=seccomp=unconfined', `test/${name}:1`];
    expect(await engine.docker(...run, ...outputs[name].command)).toBe(outputs[name].output);
  });

  test.skipIf(!hasTool('umoci') && !process.env.CI)(
    `the ${name} image's root is what umoci unpacks`,
    async (context) => {
      const image = await imageForTest(context, name);
      const scratch = await mkdtemp(join(tmpdir(), 'gsc-images-'));
      try {
        execFileSync('umoci', ['unpack', '--image', `${image.layout}:latest`, join(scratch, 'bundle')]);
        // Device nodes (of Debian's /dev) are never equal to diff.
        const options = ['-r', '--no-dereference', '--exclude=dev'];
        const difference = execFileSync('diff', [...options, image.rootfs, join(scratch, 'bundle/rootfs')]);
        expect(difference.toString()).toBe('');
      } finally {
        await rm(scratch, { recursive: true });
      }
    },
  );
}

testWithTool('busybox tar', 'the same recipe gives the same image in another cache', async () => {
  const other = await mkdtemp(join(tmpdir(), 'gsc-images-'));
  try {
    const [first, second] = [await makeImage('busybox'), await makeImage('busybox', { cache: other })];
    expect(second.layout).not.toBe(first.layout);
    const index = (layout: string) => readFileSync(join(layout, 'index.json'), 'utf8');
    expect(index(second.layout)).toBe(index(first.layout));
  } finally {
    await rm(other, { recursive: true });
  }
});

test('a directory that could not be made is not in the cache, and is made at the next try', async () => {
  const cache = await mkdtemp(join(tmpdir(), 'gsc-images-'));
  try {
    const fails = cachedDirectory('thing', { key: '1', cache }, () => Promise.reject(new Error('no luck')));
    await expect(fails).rejects.toThrow('no luck');
    let times = 0;
    const make = async () => {
      times++;
    };
    const both = [
      cachedDirectory('thing', { key: '1', cache }, make),
      cachedDirectory('thing', { key: '1', cache }, make),
    ];
    expect(await Promise.all(both)).toEqual([join(cache, 'thing-1'), join(cache, 'thing-1')]);
    expect(times).toBe(1);
  } finally {
    await rm(cache, { recursive: true });
  }
});
