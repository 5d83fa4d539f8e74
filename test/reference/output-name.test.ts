import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseReference, showReference } from '../../src/reference/image-reference.ts';
import { signedName, signedNameOfUnsigned, unsignedName } from '../../src/reference/output-name.ts';
import { anyReference } from '../support/reference/arbitrary.ts';

const hex = '0123456789abcdef'.repeat(4);

describe('names of the output', () => {
  test.each([
    ['python:3.12', 'gsc-python:3.12-unsigned', 'gsc-python:3.12'],
    ['python', 'gsc-python-unsigned', 'gsc-python'],
    ['team/app:1', 'team/gsc-app:1-unsigned', 'team/gsc-app:1'],
    ['host:5000/team/app:1', 'host:5000/team/gsc-app:1-unsigned', 'host:5000/team/gsc-app:1'],
    ['docker://host:5000/app', 'docker://host:5000/gsc-app-unsigned', 'docker://host:5000/gsc-app'],
    ['docker-daemon:app:1', 'docker-daemon:gsc-app:1-unsigned', 'docker-daemon:gsc-app:1'],
    [
      'containers-storage:localhost/app',
      'containers-storage:localhost/gsc-app-unsigned',
      'containers-storage:localhost/gsc-app',
    ],
    [`python@sha256:${hex}`, 'gsc-python:0123456789ab-unsigned', 'gsc-python:0123456789ab'],
    [`python:3@sha256:${hex}`, 'gsc-python:3-unsigned', 'gsc-python:3'],
    [hex, 'gsc-0123456789ab-unsigned', 'gsc-0123456789ab'],
    [
      `docker-daemon:sha256:${hex}`,
      'docker-daemon:gsc-0123456789ab-unsigned',
      'docker-daemon:gsc-0123456789ab',
    ],
    ['oci:/x/python:3.12', 'oci:/x/gsc-python:3.12-unsigned', 'oci:/x/gsc-python:3.12'],
    ['oci:/x/python', 'oci:/x/gsc-python-unsigned', 'oci:/x/gsc-python'],
    ['oci:python/', 'oci:gsc-python-unsigned', 'oci:gsc-python'],
    [`oci:python@sha256:${hex}`, 'oci:gsc-python:0123456789ab-unsigned', 'oci:gsc-python:0123456789ab'],
    [`oci:python:3@sha256:${hex}`, 'oci:gsc-python:3-unsigned', 'oci:gsc-python:3'],
    [`oci-archive:app.tar@sha256:${hex}`, 'oci-archive:gsc-app-unsigned.tar', 'oci-archive:gsc-app.tar'],
    [
      `docker-archive:app.tar:a:1@sha256:${hex}`,
      'docker-archive:gsc-app-unsigned.tar:gsc-a:1-unsigned',
      'docker-archive:gsc-app.tar:gsc-a:1',
    ],
    [
      'oci-archive:/x/app.tgz:v1',
      'oci-archive:/x/gsc-app-unsigned.tar:v1-unsigned',
      'oci-archive:/x/gsc-app.tar:v1',
    ],
    ['docker-archive:/x/app.tar', 'docker-archive:/x/gsc-app-unsigned.tar', 'docker-archive:/x/gsc-app.tar'],
    ['docker-archive:app.tar.gz', 'docker-archive:gsc-app-unsigned.tar', 'docker-archive:gsc-app.tar'],
    ['docker-archive:app.tar.zst', 'docker-archive:gsc-app-unsigned.tar', 'docker-archive:gsc-app.tar'],
    ['docker-archive:app.img', 'docker-archive:gsc-app.img-unsigned.tar', 'docker-archive:gsc-app.img.tar'],
    [
      'docker-archive:/x/app.tar:python:3.12',
      'docker-archive:/x/gsc-app-unsigned.tar:gsc-python:3.12-unsigned',
      'docker-archive:/x/gsc-app.tar:gsc-python:3.12',
    ],
  ])('%s becomes %s and %s', (app, unsigned, signed) => {
    expect(showReference(unsignedName(parseReference(app)))).toBe(unsigned);
    expect(showReference(signedName(parseReference(app)))).toBe(signed);
    expect(signedNameOfUnsigned(parseReference(unsigned))).toEqual(parseReference(signed));
  });

  test.each([
    'oci:.',
    'oci:/',
    'oci:..',
    'oci:a/..',
    'oci:./:1',
    'docker-archive:/',
    'docker-archive:.tar',
    `a:${'t'.repeat(120)}`,
    `oci:${'d'.repeat(250)}`,
    `${'a/'.repeat(118)}a`,
  ])('nothing can be made of %s: a usage error that names -o', (text) => {
    expect(() => unsignedName(parseReference(text))).toThrow(
      expect.objectContaining({ code: 'usage', hint: expect.stringContaining('-o') }),
    );
  });

  test.each([
    'python:3.12',
    'gsc-python:3.12',
    'python:3.12-unsigned',
    'python-unsigned',
    'gsc-python-unsigned:3.12',
    'gsc--unsigned',
    hex,
    'oci:/x/gsc-python:3.12',
    'oci:/x/python:3.12-unsigned',
    'oci:/gsc-x/python-unsigned',
    'docker-archive:/x/gsc-app.tar',
    'docker-archive:/x/app-unsigned.tar',
    'oci:gsc-a:unsigned',
    'gsc-a--unsigned',
  ])('%s is not the name of an unsigned image', (text) => {
    expect(signedNameOfUnsigned(parseReference(text))).toBeUndefined();
  });

  test('the name of the unsigned image leads back to the name of the signed one', () => {
    fc.assert(
      fc.property(anyReference, (app) => {
        const unsigned = unsignedName(app);
        expect(signedNameOfUnsigned(unsigned)).toEqual(signedName(app));
        expect(parseReference(showReference(unsigned))).toEqual(unsigned);
        expect(showReference(unsigned)).not.toBe(showReference(signedName(app)));
      }),
    );
  });
});
