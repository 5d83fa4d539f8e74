import { describe, expect, test } from 'vitest';
import { GscError } from '../../src/base/error.ts';
import { parseFleet } from '../../src/fleet/fleet-file.ts';

const parse = (content: string, isSigned = false) =>
  parseFleet(content, { subject: 'images.yaml', isSigned });

function problemOf(content: string): GscError {
  try {
    parse(content);
  } catch (error) {
    if (error instanceof GscError) return error;
    throw error;
  }
  throw new Error(`accepted: ${content}`);
}

describe('a list', () => {
  test('names images by themselves or with what belongs to them', () => {
    const content = `
options: [--runtime, docker://r/gramine:1]
images:
  - docker://r/shop:1
  - image: oci:api
    output: oci:out:api
    manifest: api.manifest
    options: [--trust-level=lean]
  - {image: python:3.12, manifest: [a, b]}
`;
    const runtime = ['--runtime', 'docker://r/gramine:1'];
    expect(parse(content)).toEqual([
      {
        image: 'docker://r/shop:1',
        output: 'docker://r/gsc-shop:1-unsigned',
        manifests: [],
        options: runtime,
      },
      {
        ...{ image: 'oci:api', output: 'oci:out:api', manifests: ['api.manifest'] },
        options: [...runtime, '--trust-level=lean'],
      },
      { image: 'python:3.12', output: 'gsc-python:3.12-unsigned', manifests: ['a', 'b'], options: runtime },
    ]);
  });

  test('gives signed images the names of signed images', () => {
    expect(parse('images: [oci:app]', true)[0]?.output).toBe('oci:gsc-app');
  });

  test('may be JSON, and values that YAML would take for numbers are texts', () => {
    const content = JSON.stringify({ images: [{ image: 'oci:a', output: 'oci:o:1.10' }] });
    expect(parse(content)[0]?.output).toBe('oci:o:1.10');
    expect(parse('images: [{image: oci:a, output: oci:o, options: [--isvsvn, 010]}]')[0]?.options).toEqual([
      '--isvsvn',
      '010',
    ]);
  });
});

describe('a list that is wrong is refused with its place', () => {
  test.each([
    ['', 'config', /^images.yaml:1:1$/],
    ['images: []', 'config', /^images.yaml:1:9$/],
    ['images: oci:a', 'config', /^images.yaml:1:9$/],
    ['images:\n  - image: oci:a\n    ouput: x\n', 'config', /^images.yaml:3:12$/],
    ['images:\n  - oci:b\n  - image: oci:a\n    options: --force\n', 'config', /^images.yaml:4:14$/],
    ['images:\n  - output: oci:a\n', 'config', /^images.yaml:2:5$/],
    ['images: [{image: [a]}]', 'config', /^images.yaml:1:18$/],
    ['images: [oci:a]\noptoins: []\n', 'config', /^images.yaml:2:10$/],
    ['images: [oci:a]\noptions: --force\n', 'config', /^images.yaml:2:10$/],
    ['images: [oci:a', 'config', /^images.yaml:1:/],
    ['images: ["docker://UPPER/Case"]', 'usage', /images\[0\]/],
    ['images: [{image: oci:a, output: "docker://"}]', 'usage', /images\[0\]/],
    ['images: [oci:a, oci:b, oci:a]', 'usage', /images\[2\]/],
    ['images: [oci:a, {image: oci:b, output: oci:gsc-a-unsigned}]', 'usage', /images\[1\]/],
    ['images: [{image: oci:a, options: [--output, oci:x]}]', 'usage', /images\[0\]/],
    ['images: [{image: oci:a, options: [--output=oci:x]}]', 'usage', /images\[0\]/],
    ['images: [{image: oci:a, options: [--env, A=1, --key, k]}]', 'usage', /images\[0\]/],
    ['images: [oci:a]\noptions: [--cache-to, oci:x]\n', 'usage', /options/],
    ['images: [oci:a]\noptions: [--, oci:x]\n', 'usage', /options/],
    ['images: [oci:a]\noptions: [oci:x]\n', 'usage', /options/],
    ['images: [oci:a]\noptions: [-ooci:x]\n', 'usage', /options/],
    ['images: [oci:a]\noptions: [-psecret]\n', 'usage', /options/],
    ['images: [oci:a]\noptions: [-cother.yaml]\n', 'usage', /options/],
    [
      'images: [{image: oci:a, output: "oci:out:1"}, {image: oci:b, output: "oci:./out:1"}]',
      'usage',
      /images\[1\]/,
    ],
    [
      'images: [{image: oci:a, output: "oci:out"}, {image: oci:b, output: "oci:out:latest"}]',
      'usage',
      /images\[1\]/,
    ],
    [
      'images: [{image: oci:a, output: x}, {image: oci:b, output: "docker-daemon:x:latest"}]',
      'usage',
      /images\[1\]/,
    ],
    [
      'images: [{image: oci:a, output: "oci-archive:o.tar:1"}, {image: oci:b, output: "oci-archive:o.tar:2"}]',
      'usage',
      /images\[1\]/,
    ],
    ['images: [oci:a, {image: oci:b, output: "oci:./a"}]', 'usage', /images\[1\]/],
  ])('%j', (content, code, subject) => {
    const problem = problemOf(content);
    expect(problem.code).toBe(code);
    expect(problem.subject).toMatch(subject);
    expect(problem.hint).toBeTruthy();
  });
});
