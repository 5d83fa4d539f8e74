import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  parseImageName,
  showFullName,
  showImageName,
  withDefaultTag,
} from '../../src/reference/image-name.ts';
import { parseReference, showReference } from '../../src/reference/image-reference.ts';
import { anyReference } from '../support/reference/arbitrary.ts';
import { testWithTool } from '../support/tool.ts';

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;

describe('image names', () => {
  test.each([
    ['python', 'docker.io/library/python', 'python'],
    ['python:3.12', 'docker.io/library/python:3.12', 'python:3.12'],
    ['docker.io/python', 'docker.io/library/python', 'python'],
    ['docker.io/library/python', 'docker.io/library/python', 'python'],
    ['index.docker.io/team/app', 'docker.io/team/app', 'team/app'],
    ['team/app', 'docker.io/team/app', 'team/app'],
    ['docker.io/a.b/c', 'docker.io/a.b/c', 'docker.io/a.b/c'],
    ['library/a/b', 'docker.io/library/a/b', 'library/a/b'],
    ['host:5000/team/app:1', 'host:5000/team/app:1', 'host:5000/team/app:1'],
    ['localhost/app', 'localhost/app', 'localhost/app'],
    ['localhost:5000', 'docker.io/library/localhost:5000', 'localhost:5000'],
    ['[::1]:5000/app', '[::1]:5000/app', '[::1]:5000/app'],
    ['HOST/app', 'HOST/app', 'HOST/app'],
    ['quay.io/a__b/c---d.e:V1', 'quay.io/a__b/c---d.e:V1', 'quay.io/a__b/c---d.e:V1'],
    [`a@${digest}`, `docker.io/library/a@${digest}`, `a@${digest}`],
    [`a:1@${digest}`, `docker.io/library/a:1@${digest}`, `a:1@${digest}`],
    ['0123456789ab', 'docker.io/library/0123456789ab', '0123456789ab'],
  ])('%s means %s and is shown as %s', (text, full, familiar) => {
    const name = parseImageName(text);
    expect(showFullName(name)).toBe(full);
    expect(showImageName(name)).toBe(familiar);
    expect(parseImageName(familiar)).toEqual(name);
  });

  test.each([
    '',
    ' ',
    'Python',
    'a b',
    'a:',
    ':a',
    '/a',
    'a/',
    'a//b',
    '-a',
    'a-',
    'a_',
    'a___b',
    'a..b',
    'a:b:c',
    'a:-b',
    'a:b c',
    `a:${'t'.repeat(129)}`,
    'a@',
    'a@sha256:12',
    `a@sha512:${'0'.repeat(128)}`,
    `a@${digest.toUpperCase()}`,
    `a@${digest}@${digest}`,
    '-host.com/a',
    'ho_st.com/a',
    'host:port/a',
    'docker.io/',
    'a\n',
    'ä',
    `${'a/'.repeat(130)}a`,
    'host.com/',
    'host.com/A',
    'library/',
  ])('%j is refused as a usage error that quotes it', (text) => {
    expect(() => parseImageName(text)).toThrow(
      expect.objectContaining({ code: 'usage', subject: expect.stringContaining(JSON.stringify(text)) }),
    );
  });

  test('a missing tag means latest, unless there is a digest', () => {
    expect(withDefaultTag(parseImageName('a')).tag).toBe('latest');
    expect(withDefaultTag(parseImageName('a:1')).tag).toBe('1');
    expect(withDefaultTag(parseImageName(`a@${digest}`)).tag).toBeUndefined();
  });
});

describe('references', () => {
  test.each([
    ['oci:dir', { kind: 'oci', path: 'dir' }],
    ['oci:/a b/c:3.12', { kind: 'oci', path: '/a b/c', tag: '3.12' }],
    [
      'oci:dir:docker.io/library/python:3.12',
      { kind: 'oci', path: 'dir', tag: 'docker.io/library/python:3.12' },
    ],
    ['oci-archive:../f.tar:v1', { kind: 'oci-archive', path: '../f.tar', tag: 'v1' }],
    ['docker-archive:f.tar', { kind: 'docker-archive', path: 'f.tar' }],
    [`oci:dir@${digest}`, { kind: 'oci', path: 'dir', digest }],
    [`oci:dir:a@b@${digest}`, { kind: 'oci', path: 'dir', tag: 'a@b', digest }],
    [`oci-archive:f@1.tar:v1@${digest}`, { kind: 'oci-archive', path: 'f@1.tar', tag: 'v1', digest }],
    [`docker-archive:f.tar@${digest}`, { kind: 'docker-archive', path: 'f.tar', digest }],
    [
      `docker-archive:f.tar:a:1@${digest}`,
      { kind: 'docker-archive', path: 'f.tar', name: parseImageName('a:1'), digest },
    ],
    ['docker-archive:f.tar:a:1', { kind: 'docker-archive', path: 'f.tar', name: parseImageName('a:1') }],
    ['docker-daemon:a:1', { kind: 'docker-daemon', image: parseImageName('a:1') }],
    [`docker-daemon:${digest}`, { kind: 'docker-daemon', image: { kind: 'id', digest } }],
    ['docker://host:5000/a', { kind: 'registry', name: parseImageName('host:5000/a') }],
    ['containers-storage:a', { kind: 'containers-storage', image: parseImageName('a') }],
    ['python:3.12', { kind: 'bare', image: parseImageName('python:3.12') }],
    ['oci', { kind: 'bare', image: parseImageName('oci') }],
    ['dir:1', { kind: 'bare', image: parseImageName('dir:1') }],
    [digest.slice(7), { kind: 'bare', image: { kind: 'id', digest } }],
  ])('%s is read', (text, expected) => {
    expect(parseReference(text)).toEqual(expected);
  });

  test.each([
    '',
    'oci:',
    'oci::tag',
    'oci:dir:',
    'oci:dir:a b',
    'oci:dir:-a',
    'oci:dir:a::b',
    'oci:dir:@0',
    'oci:d\0r',
    'oci-archive:',
    'oci-archive:f:',
    'docker-archive:',
    'docker-archive:f:',
    'docker-archive:f:A',
    'docker-archive:f:@0',
    `oci:dir@${digest}x`,
    'oci:dir@sha256:12',
    `oci:dir@sha512:${'0'.repeat(128)}`,
    `oci:@${digest}`,
    `docker-archive:f:@${digest}`,
    `docker-archive:f@${digest}@${digest}`,
    'docker:a',
    'docker:/a',
    'docker://',
    'docker-daemon:',
    'docker-daemon:sha256:123//4',
    'containers-storage:',
    'containers-storage:[overlay@/x]a',
    'dir:/x',
    'https://a/b',
    '/x/app.tar',
    './dir',
    '~/a',
    'toString:x:y',
  ])('%j is refused as a usage error with a hint', (text) => {
    expect(() => parseReference(text)).toThrow(
      expect.objectContaining({ code: 'usage', hint: expect.stringMatching(/.+/) }),
    );
  });

  test('the path of a file gets the hint to name a transport', () => {
    expect(() => parseReference('./app.tar')).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('docker-archive:./app.tar') }),
    );
  });

  test('what is shown reads back as the same reference', () => {
    fc.assert(
      fc.property(anyReference, (reference) => {
        expect(parseReference(showReference(reference))).toEqual(reference);
      }),
    );
  });

  test('any text is read or refused with a usage error', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'aA0:/@.-_ oci') }), (text) => {
        try {
          parseReference(text);
        } catch (error) {
          expect(error).toMatchObject({ name: 'GscError', code: 'usage' });
        }
      }),
    );
  });

  testWithTool('skopeo', 'skopeo accepts the syntax of the tags that are accepted here, and no other', () => {
    const texts = [
      'a',
      'a:1',
      'a/b',
      'a@b',
      'a+b',
      'a--b',
      'a---b',
      '-a',
      'a-',
      'a//b',
      'a b',
      'ä',
      'a_b',
      'a__b',
    ];
    const accepted = (accepts: (text: string) => void): string[] =>
      texts.filter((text) => !throws(() => accepts(text)));
    expect(accepted((text) => parseReference(`oci:/missing:${text}`))).toEqual(
      texts.filter((text) => !skopeoSays(`oci:/missing:${text}`).includes('Invalid source name')),
    );
  });
});

function throws(run: () => void): boolean {
  try {
    run();
    return false;
  } catch {
    return true;
  }
}

function skopeoSays(reference: string): string {
  try {
    return execFileSync('skopeo', ['copy', reference, 'dir:/missing'], { encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    return String((error as { stderr: string }).stderr);
  }
}
