import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parentOf } from '../../src/base/image-path.ts';
import type { LayerEntry } from '../../src/tree/entry.ts';
import type { FileTree } from '../../src/tree/file-tree.ts';
import { mergeLayers } from '../../src/tree/merge-layers.ts';
import { engineForTest } from '../support/images/image-for-test.ts';
import { hasTool, testWithTool } from '../support/tool.ts';
import { layerEntry } from '../support/tree/arbitrary-layers.ts';
import { directory, file, linesOf, opaque, symlink, whiteout } from '../support/tree/layer-stack.ts';
import {
  discardPodman,
  tarOf,
  unpackWithDocker,
  unpackWithPodman,
  unpackWithUmoci,
  withoutModes,
} from '../support/tree/unpacking-tools.ts';

const hasOnlyAscii = (entry: LayerEntry) => !JSON.stringify(entry).includes('\xff');
const stack = fc.array(fc.array(layerEntry.filter(hasOnlyAscii), { maxLength: 5 }), {
  minLength: 1,
  maxLength: 4,
});

/** Stacks that engines seldom refuse: a name once in a layer, as they demand, and links of lower layers to go through. */
const acceptableStack = fc
  .tuple(stack, fc.nat(2))
  .map(([layers, links]) => [
    [
      file('/a/b/one', '1'),
      ...[symlink('/b', 'a/b'), symlink('/c', '/a'), symlink('/a/c', '../a/b')].slice(0, links + 1),
    ],
    ...layers.map(withNamesOnce),
  ]);

function withNamesOnce(layer: readonly LayerEntry[]): LayerEntry[] {
  const seen = new Set<string>();
  return layer.filter((entry) => {
    if (entry.kind === 'hardlink' || seen.has(entry.path)) return false;
    if (entry.kind !== 'opaque') seen.add(entry.path);
    return true;
  });
}

/**
 * umoci alone does not make the directory that holds a whiteout (containerd and Docker do, and so does mergeLayers);
 * a file beside each whiteout takes that difference out.
 */
function withKeptParents(layer: readonly LayerEntry[]): LayerEntry[] {
  return layer.flatMap((entry): LayerEntry[] => {
    if (entry.kind === 'whiteout') return [file(`${parentOf(entry.path)}/keep`), entry];
    if (entry.kind === 'opaque') return [file(`${entry.path}/keep`), entry];
    return [entry];
  });
}

function show(layers: readonly LayerEntry[][]): string {
  return JSON.stringify(
    layers.map((layer) => layer.map((entry) => Object.values({ ...entry, content: '' }).join(' '))),
  );
}

function mergedOrRefused(layers: readonly LayerEntry[][]): FileTree | undefined {
  try {
    return mergeLayers(layers);
  } catch {
    return undefined;
  }
}

async function inScratch<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const scratch = mkdtempSync(join(tmpdir(), 'gsc-layers-'));
  try {
    return await use(scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

type Unpack = (scratch: string, tars: readonly Buffer[]) => Promise<readonly string[] | undefined>;

/** Holds the tree of each stack that the tool takes against what it makes of it; gives how many it took. */
async function compare(stacks: readonly LayerEntry[][][], unpack: Unpack): Promise<number> {
  let compared = 0;
  for (const [number, layers] of stacks.entries()) {
    const tars = await Promise.all(layers.map(tarOf));
    const theirs = await inScratch((scratch) => unpack(scratch, tars));
    if (theirs === undefined) continue;
    compared += 1;
    const tree = mergedOrRefused(layers);
    expect(tree && withoutModes(linesOf(tree)), `stack ${number}: ${show(layers)}`).toEqual(theirs);
  }
  return compared;
}

/** Where tools disagree: each with the engines' result. */
const disputed: readonly (readonly [string, LayerEntry[][], readonly string[]])[] = [
  [
    'a file below a link',
    [[file('/usr/lib/base', 'B'), symlink('/lib', 'usr/lib')], [file('/lib/x', 'X')]],
    ['/', '/lib/', '/lib/x = X', '/usr/', '/usr/lib/', '/usr/lib/base = B'],
  ],
  [
    'a whiteout below a link',
    [[file('/usr/lib/base', 'B'), symlink('/lib', 'usr/lib')], [whiteout('/lib/base')]],
    ['/', '/lib/', '/usr/', '/usr/lib/', '/usr/lib/base = B'],
  ],
  [
    'an opaque marker below a link, then the directory',
    [
      [file('/target/keep', 'K'), symlink('/link', '/target')],
      [opaque('/link'), directory('/link'), file('/link/new', 'N')],
    ],
    ['/', '/link/', '/link/new = N', '/target/', '/target/keep = K'],
  ],
  [
    'a link that climbs above the root',
    [[file('/opt/a', 'A'), symlink('/opt/e', '../../../srv')], [file('/opt/e/y', 'Y')]],
    ['/', '/opt/', '/opt/a = A', '/opt/e/', '/opt/e/y = Y'],
  ],
  [
    'a directory removed, then given again',
    [[file('/d/low', 'L')], [whiteout('/d'), directory('/d'), file('/d/up', 'U')]],
    ['/', '/d/', '/d/low = L', '/d/up = U'],
  ],
];

const seconds = 1000;

describe('what mergeLayers makes of', () => {
  test.each(disputed)('%s is what engines make of it, with a warning', (_, layers, lines) => {
    const tree = mergeLayers(layers);
    expect(withoutModes(linesOf(tree))).toEqual(lines);
    expect(tree.warnings).toHaveLength(1);
  });
});

describe('a Docker Engine', () => {
  test('makes of disputed and of generated stacks what mergeLayers does', {
    timeout: 900 * seconds,
  }, async (context) => {
    const engine = await engineForTest(context);
    const generated = fc.sample(acceptableStack, { numRuns: 40, seed: 8 });
    const stacks = [...disputed.map(([, layers]) => layers), ...generated];
    const compared = await compare(stacks, (scratch, tars) => unpackWithDocker(engine, scratch, tars));
    expect(compared).toBeGreaterThan(stacks.length / 3);
  });
});

describe('Podman on overlay', () => {
  test('makes of disputed and of generated stacks what mergeLayers does', {
    timeout: 900 * seconds,
  }, async (context) => {
    if (!hasTool('podman') || process.getuid?.() !== 0) {
      if (process.env.CI) throw new Error('podman and root are needed');
      process.stderr.write('SKIPPED: layers in Podman: podman and root are needed\n');
      return context.skip('podman and root are needed');
    }
    const generated = fc.sample(acceptableStack, { numRuns: 25, seed: 9 });
    const stacks = [...disputed.map(([, layers]) => layers), ...generated];
    const store = mkdtempSync(join(tmpdir(), 'gsc-podman-'));
    try {
      const compared = await compare(stacks, (scratch, tars) => unpackWithPodman(store, scratch, tars));
      expect(compared).toBeGreaterThan(stacks.length / 3);
    } finally {
      discardPodman(store);
    }
  });
});

describe('umoci', () => {
  testWithTool(
    'umoci',
    'makes of generated stacks what mergeLayers does, where that warns of nothing',
    async () => {
      const stacks = fc
        .sample(stack, { numRuns: 150, seed: 20 })
        .map((layers) => layers.map(withKeptParents));
      let compared = 0;
      for (const [number, layers] of stacks.entries()) {
        const tree = mergedOrRefused(layers);
        if (tree === undefined || tree.warnings.length > 0) continue;
        const tars = await Promise.all(layers.map(tarOf));
        // Where a directory of an entry is a file umoci gives up; the overlays of other engines hide the file.
        const theirs = await inScratch((scratch) => unpackWithUmoci(scratch, tars).catch(() => undefined));
        if (theirs === undefined) continue;
        compared += 1;
        expect(linesOf(tree), `stack ${number}: ${show(layers)}`).toEqual(theirs);
      }
      expect(compared).toBeGreaterThan(stacks.length / 4);
    },
  );
});
