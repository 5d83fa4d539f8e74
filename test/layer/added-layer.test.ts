import { describe, expect, test } from 'vitest';
import { type ImagePath, imagePath } from '../../src/base/image-path.ts';
import { addedLayer, checkRoomFor } from '../../src/layer/added-layer.ts';
import { mergeLayers } from '../../src/tree/merge-layers.ts';
import { entriesOf } from '../support/graminized/graminized.ts';
import { directory, file, symlink } from '../support/tree/layer-stack.ts';

const options = {
  comment: 'test',
  hasDirectory: (path: ImagePath) => path === '/opt',
  mtimeSeconds: 5,
  isDocker: false,
};

function fileOf(path: string, mode = 0o644) {
  return { path: imagePath(path), mode, content: Buffer.from(path) };
}

describe('an added layer', () => {
  test('has the files, the directories that are missing, sorted, and no others', async () => {
    const { layer } = addedLayer([fileOf('/opt/b/y', 0o755), fileOf('/a')], options);
    expect(await entriesOf(layer)).toMatchObject([
      { name: 'a', type: 'file', mode: 0o644 },
      { name: 'opt/b/', type: 'directory', mode: 0o755 },
      { name: 'opt/b/y', type: 'file', mode: 0o755 },
    ]);
  });

  test('is the same whatever the order of its files', () => {
    const files = [fileOf('/x/1'), fileOf('/x/2'), fileOf('/y')];
    const [one, two] = [addedLayer(files, options), addedLayer([...files].reverse(), options)];
    expect(two.layer.descriptor).toEqual(one.layer.descriptor);
  });

  test('is stored as it is: its digest is its diffId', () => {
    const { layer } = addedLayer([fileOf('/x')], options);
    expect(layer.descriptor.digest).toBe(layer.diffId);
  });
});

describe('room for a file', () => {
  const tree = mergeLayers([
    [directory('/dir'), file('/dir/file', 'x'), symlink('/link', '/dir'), symlink('/dangling', '/none')],
  ]);

  test.each(['/new', '/dir/new', '/new/deep/er'])('is at %s', (path) => {
    expect(() => checkRoomFor(tree, [imagePath(path)])).not.toThrow();
  });

  test.each([
    ['/dir/file', '/dir/file'],
    ['/dir', '/dir'],
    ['/link', '/link'],
    ['/dangling', '/dangling'],
    ['/dir/file/below', '/dir/file'],
    ['/link/new', '/link'],
    ['/dangling/new', '/dangling'],
  ])('is not at %s', (path, subject) => {
    expect(() => checkRoomFor(tree, [imagePath(path)])).toThrow(
      expect.objectContaining({ code: 'state', subject }),
    );
  });
});
