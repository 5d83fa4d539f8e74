import { describe, expect, test } from 'vitest';
import { imagePath } from '../../src/base/image-path.ts';
import type { ContainerUser } from '../../src/start/container-user.ts';
import { readObstacle } from '../../src/start/read-obstacle.ts';
import { mergeLayers } from '../../src/tree/merge-layers.ts';
import { directory, file } from '../support/tree/layer-stack.ts';

const path = imagePath('/d/f');

function user(uid: number, gid: number, ...others: number[]): ContainerUser {
  const supplementaryGroups = others.map((each) => ({ name: `g${each}`, gid: each, members: [] }));
  return { uid, gid, home: '/', supplementaryGroups };
}

function obstacle(modes: { readonly d: number; readonly f: number }, who: ContainerUser): string | undefined {
  const owned = { uid: 5, gid: 6 };
  const entries = [
    { ...directory('/d', modes.d), ...owned },
    { ...file('/d/f', 'x', modes.f), ...owned },
  ];
  return readObstacle(mergeLayers([entries]), path, who);
}

describe('a file can be read', () => {
  test.each<[string, number, number, ContainerUser]>([
    ['by its owner', 0o700, 0o400, user(5, 1)],
    ['by its group', 0o710, 0o640, user(1, 6)],
    ['by a supplementary group', 0o010, 0o040, user(1, 2, 6)],
    ['by everybody', 0o711, 0o604, user(1, 1)],
    ['by root, whatever its mode', 0, 0, user(0, 0)],
  ])('%s', (_, d, f, who) => {
    expect(obstacle({ d, f }, who)).toBeUndefined();
  });
});

describe('a file cannot be read', () => {
  test.each<[string, number, number, ContainerUser, string]>([
    [
      'by an owner who has less than the others',
      0o755,
      0o044,
      user(5, 6),
      'may not read /d/f (mode 0044 of 5:6)',
    ],
    ['by a group that has less than the others', 0o755, 0o604, user(1, 6), 'may not read /d/f'],
    ['by who may only execute it', 0o755, 0o711, user(1, 1), 'may not read /d/f'],
    [
      'in a directory that may be listed and not entered',
      0o744,
      0o644,
      user(1, 1),
      'may not enter /d (mode 0744',
    ],
  ])('%s', (_, d, f, who, words) => {
    expect(obstacle({ d, f }, who)).toContain(words);
  });
});
