import { describe, expect, test } from 'vitest';
import { parseImageName } from '../../src/reference/image-name.ts';
import { type ImageReference, parseReference, showReference } from '../../src/reference/image-reference.ts';
import { defaultDestination, type OpenedImage } from '../../src/store/opened-image.ts';

const result = parseReference('gsc-python:3.12');

/** Where the result goes of a source that was found at a place. */
function placeOf(reference: ImageReference, resultPlace?: ImageReference): string {
  const source = { reference, ...(resultPlace && { resultPlace }) } as OpenedImage;
  return showReference(defaultDestination(result, source));
}

describe('the result of a bare name', () => {
  test.each([
    ['docker-daemon:python:3.12', 'docker-daemon:gsc-python:3.12'],
    ['containers-storage:python:3.12', 'containers-storage:gsc-python:3.12'],
    ['docker://python:3.12', 'docker://gsc-python:3.12'],
  ])('of a source at %s is %s', (source, expected) => {
    expect(placeOf(parseReference(source))).toBe(expected);
  });

  test('of Docker Hub is in the Engine that was asked first', () => {
    const image = parseImageName('python:3.12');
    const source = parseReference('docker://python:3.12');
    expect(placeOf(source, { kind: 'docker-daemon', image })).toBe('docker-daemon:gsc-python:3.12');
    expect(placeOf(source, { kind: 'containers-storage', image })).toBe('containers-storage:gsc-python:3.12');
  });

  test('that names its place stays there', () => {
    const oci = parseReference('oci:dir:1');
    expect(defaultDestination(oci, { reference: parseReference('docker://python') } as OpenedImage)).toBe(
      oci,
    );
  });
});
